// Package db opens the product's database, SQLite or PostgreSQL, and runs transactions on it.
//
// One SQL text serves both engines: parameters are $1, $2… numbered in order of appearance, times are BIGINT
// milliseconds UTC (see Millis), lists are one JSON parameter (see List). What is not portable is a fragment here,
// tried on both engines.
//
// On SQLite one connection writes. Writers that wait are gathered into one commit with synchronous=FULL, each in its
// savepoint: an acknowledged write is on the disk, and a failed one undoes only itself.
// On PostgreSQL each write is a transaction of its own, tried again on a serialisation failure or deadlock,
// so a function given to Write must be safe to run again.
package db
