package ui

func calloutClass(kind string) string {
	switch kind {
	case "tip":
		return "callout-tip"
	case "ok":
		return "callout-ok"
	case "warn":
		return "callout-warn"
	case "late":
		return "callout-late"
	default:
		return ""
	}
}

func calloutIcon(kind string) string {
	switch kind {
	case "tip":
		return "lightbulb"
	case "ok":
		return "circle-check"
	case "warn":
		return "triangle-alert"
	case "late":
		return "circle-x"
	default:
		return "info"
	}
}
