// Package archtest holds the rules of the house as tests: where arrows may point, who writes which table, what must be
// documented, how long things may be. Each rule says in its message why it exists, and is seen failing on a small
// example. An exception is a line in the rule's list, with its reason; one that is needed no more fails too.
package archtest
