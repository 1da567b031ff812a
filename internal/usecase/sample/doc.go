// Package sample holds the believable organisation that `entraide demo` shows: Ateliers Morvan, its people, its
// support teams of three levels and a year of tickets.
//
// Make is pure: it reads the embedded texts of data/ and returns plain values (a Plan) that depend on nothing but
// its Options, so the same seed and the same clock give the same organisation. Everything in it is invented; see
// data/NOTICE.md.
//
// The texts are written as scenarios (data/scenarios) with two devices: [one|another] picks a variant, {slot} is
// replaced by a fact of the story, such as the printer or the name of the requester's manager.
package sample
