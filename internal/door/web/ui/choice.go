package ui

// cardColumns are the classes of n columns of cards; one column on a phone.
func cardColumns(n int) string {
	switch n {
	case 2:
		return "sm:grid-cols-2"
	case 3:
		return "sm:grid-cols-3"
	case 4:
		return "sm:grid-cols-2 lg:grid-cols-4"
	default:
		return ""
	}
}
