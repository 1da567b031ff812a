// Package calendar counts working time. It is pure: no clock, no database.
//
// Definitions. An instant is working time if the clock on the wall of the calendar's zone then shows a time inside a
// period of that day of the week, and that day is no holiday. A period holds its first minute and not its end. A period
// that passes midnight is two: its evening belongs to the day it begins, its morning to the next day, and each half
// rests on the holidays of its own day (a public holiday lasts from midnight to midnight). What is counted is elapsed
// time: a night from 22:00 to 06:00 has seven hours when summer time begins and nine when it ends, and an hour that the
// clock skips cannot be worked in.
//
// A deadline is the earliest instant at which the time worked since its start reaches its length. So it may be the very
// end of a period, and a length of zero ends when it starts, at night too.
package calendar
