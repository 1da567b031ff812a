// Package identity holds people: colleagues and outside participants, their roles, teams and groups, and every way in
// (sessions, API tokens, one-time links, passwords).
//
// Who sees whom: colleagues see active colleagues, with the fields a directory shows; agents and administrators see
// everybody and everything; a participant known by mail only sees themself. Secrets are stored as hashes and leave
// this package once, when they are made.
//
// Hashing a password takes tens of milliseconds, so the functions that need it take the database handle instead of a
// transaction: they read, hash, then write.
package identity
