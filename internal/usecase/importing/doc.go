// Package importing takes in tickets of another system: it finds or makes the people, queues and categories that they
// name, keeps past times, and leaves what it cannot take in a report. The same source id twice is stored once, so an
// import that was cut short is simply run again.
package importing
