// Package mailin fetches the mail of mailboxes over IMAP and hands each message to the intake. A message is flagged,
// moved or deleted on the server only after what became of it is stored here, so a cut at any moment loses nothing; what
// is fetched twice is recognised by the intake.
package mailin
