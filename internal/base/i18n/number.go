package i18n

import (
	"math"
	"strconv"
	"strings"
)

// Number writes a quantity with its thousands apart: « 1 234 » (narrow no-break space), "1,234".
func (l Loc) Number(n int64) string { return l.group(strconv.FormatInt(n, 10)) }

// Decimal writes f with a fixed number of digits after the comma or point: « 1 234,50 », "1,234.50". Negative
// digits mean as many as f needs. Not a number and infinities are « – ».
func (l Loc) Decimal(f float64, digits int) string {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return "–"
	}
	whole, fraction, ok := strings.Cut(strconv.FormatFloat(f, 'f', digits, 64), ".")
	if !ok {
		return l.group(whole)
	}
	if l.Lang == EN {
		return l.group(whole) + "." + fraction
	}
	return l.group(whole) + "," + fraction
}

// Percent writes a share between 0 and 1 in whole percent: « 42 % », "42%".
func (l Loc) Percent(share float64) string {
	return l.T("base.percent", "n", l.Decimal(share*100, 0))
}

// Size writes a number of bytes: « 512 o », « 1,4 Mo »; "512 B", "1.4 MB". One unit is 1,024 of the smaller one, so
// that a limit of 25 MiB reads « 25 Mo ».
func (l Loc) Size(bytes int64) string {
	size, unit := float64(bytes), 0
	for size >= 1023.95 && unit < 4 {
		size /= 1024
		unit++
	}
	digits := 0
	if unit > 0 && size < 99.95 && math.Round(size*10) != math.Round(size)*10 {
		digits = 1
	}
	return l.T("base.size."+strconv.Itoa(unit), "n", l.Decimal(size, digits))
}

// group separates the thousands of a decimal integer; in French four digits are separated too.
func (l Loc) group(s string) string {
	sign, digits := "", s
	if strings.HasPrefix(s, "-") {
		sign, digits = "−", s[1:]
	}
	if len(digits) <= 3 {
		return sign + digits
	}
	sep := string(narrow)
	if l.Lang == EN {
		sep = ","
	}
	var b strings.Builder
	b.WriteString(sign)
	for i, c := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteString(sep)
		}
		b.WriteRune(c)
	}
	return b.String()
}
