package top

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// size is a number of bytes in five columns at most: 999, 12.3M, 456G. K is 1024.
func size(bytes uint64) string {
	if bytes < 1000 {
		return strconv.FormatUint(bytes, 10)
	}
	value := float64(bytes)
	for _, unit := range "KMGTPE" {
		value /= 1024
		if value < 99.95 {
			return strconv.FormatFloat(value, 'f', 1, 64) + string(unit)
		}
		if value < 999.5 {
			return strconv.FormatFloat(value, 'f', 0, 64) + string(unit)
		}
	}
	return "?" // 2^64 is 16E
}

// count is a number, of thousands where there is no room for the rest of it.
func count(n uint64, width int) string {
	text := strconv.FormatUint(n, 10)
	if len(text) > width && width > 1 {
		return strconv.FormatUint(n/1000, 10) + "k"
	}
	return text
}

// percent has one decimal as long as there is room for it.
func percent(value float64) string {
	switch {
	case value < 0:
		return "-"
	case value < 999.95:
		return strconv.FormatFloat(value, 'f', 1, 64)
	}
	return strconv.FormatFloat(value, 'f', 0, 64)
}

// plain makes text harmless on a terminal: what is not to be seen there, or changes the direction of what is, becomes a question mark.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) || unicode.Is(unicode.Bidi_Control, r) {
			return '?'
		}
		return r
	}, text)
}

// fit makes text exactly that many columns wide. One that is cut off shows it.
func fit(text string, width int, right bool) string {
	n := utf8.RuneCountInString(text)
	switch {
	case n > width && width > 0:
		return string([]rune(text)[:width-1]) + "~"
	case n > width:
		return ""
	case right:
		return strings.Repeat(" ", width-n) + text
	}
	return text + strings.Repeat(" ", width-n)
}
