package config

import "strings"

// nearest says what key was probably meant. Names too far from every known one are answered with the list.
func nearest(key string, known []string) string {
	best, least := "", max(2, len(key)/3)+1
	last := key[strings.LastIndexByte(key, '.')+1:]
	for _, k := range known {
		d := distance(key, k)
		// The right name in the wrong table is the commonest slip.
		if strings.HasSuffix(k, "."+last) {
			d = min(d, 1)
		}
		if d < least {
			best, least = k, d
		}
	}
	if best == "" {
		return "known are " + strings.Join(known, ", ")
	}
	return "did you mean " + best + "?"
}

// distance counts the insertions, deletions and replacements of bytes between a and b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
