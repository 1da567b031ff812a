package ui

import "strconv"

// ringClass is the colour of a clock.
func ringClass(k Kind) string {
	switch k {
	case Resolved:
		return "stroke-resolved"
	case Pending:
		return "stroke-pending"
	case Late:
		return "stroke-late"
	default:
		return "stroke-brand"
	}
}

// ringDash draws share percent of a circle of radius 15, whose length is 94.2; one that is late is whole.
func ringDash(k Kind, share int) string {
	if k == Late {
		share = 100
	}
	share = min(max(share, 0), 100)
	return strconv.FormatFloat(float64(share)*0.942, 'f', 1, 64) + " 94.2"
}
