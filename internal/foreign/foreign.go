// Package foreign takes the harm out of texts that others wrote: WeChat passes on what people
// typed, in remarks, names and messages, and some of it is no text at all.
package foreign

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// replacement stands for what is no character.
const replacement = "\uFFFD"

// Clean replaces what no reader of JSON or XML takes: broken UTF-8, and control characters
// but for tab and line ends.
func Clean(body []byte) []byte {
	if clean(body) {
		return body
	}
	var out bytes.Buffer
	out.Grow(len(body) + 16)
	for len(body) > 0 {
		r, size := utf8.DecodeRune(body)
		if r == utf8.RuneError && size == 1 || forbidden(r) {
			out.WriteString(replacement)
		} else {
			out.Write(body[:size])
		}
		body = body[size:]
	}
	return out.Bytes()
}

func clean(body []byte) bool {
	for _, b := range body {
		if b < ' ' && b != '\t' && b != '\n' && b != '\r' || b == 0x7f {
			return false
		}
	}
	return utf8.Valid(body) && !bytes.Contains(body, []byte("\uFFFE")) && !bytes.Contains(body, []byte("\uFFFF"))
}

// forbidden tells what XML 1.0 does not take, and what Postgres does not (NUL).
func forbidden(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7f || r == 0xFFFE || r == 0xFFFF
}

// reference is a character by its number, as XML writes it.
var reference = regexp.MustCompile(`&#(x[0-9A-Fa-f]+|[0-9]+);`)

// CleanXML replaces, in a document that is Clean, the numbers of characters that XML does not
// take, too.
func CleanXML(body []byte) []byte {
	if !bytes.Contains(body, []byte("&#")) {
		return body
	}
	return reference.ReplaceAllFunc(body, func(ref []byte) []byte {
		number, base := string(ref[2:len(ref)-1]), 10
		if hex, is := strings.CutPrefix(number, "x"); is {
			number, base = hex, 16
		}
		n, err := strconv.ParseInt(number, base, 32)
		if err != nil || n > unicode.MaxRune || forbidden(rune(n)) || 0xD800 <= n && n <= 0xDFFF {
			return []byte(replacement)
		}
		return ref
	})
}

// Text is a text for the store: without control characters but for tab and line ends, no
// longer than so many bytes.
func Text(s string, most int) string {
	if len(s) > most {
		s = s[:most]
		for len(s) > 0 && !utf8.RuneStart(s[len(s)-1]) {
			s = s[:len(s)-1]
		}
		if r, size := utf8.DecodeLastRuneInString(s); r == utf8.RuneError && size == 1 {
			s = s[:len(s)-1]
		}
	}
	if clean([]byte(s)) {
		return s
	}
	return string(Clean([]byte(s)))
}

// Visible is a text for a person's eyes: control characters, which could command a terminal or
// hide what follows, are shown as \\x1b and the like; line ends and tabs only where lines says
// that the text may have some.
func Visible(s string, lines bool) string {
	hidden := func(r rune) bool {
		return unicode.IsControl(r) && !(lines && (r == '\n' || r == '\t')) || unicode.Is(bidi, r)
	}
	if strings.IndexFunc(s, hidden) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if !hidden(r) {
			b.WriteRune(r)
			continue
		}
		if r < 0x100 {
			fmt.Fprintf(&b, `\x%02x`, r)
		} else {
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// bidi are the characters that turn the direction of what follows.
var bidi = &unicode.RangeTable{R16: []unicode.Range16{
	{Lo: 0x202A, Hi: 0x202E, Stride: 1},
	{Lo: 0x2066, Hi: 0x2069, Stride: 1},
}}

// Cell is a text for a cell of a CSV: one that a spreadsheet would take for a formula is
// written with an apostrophe before, which makes it a text.
func Cell(s string) string {
	if s == "" || !strings.ContainsRune("=+-@\t\r\n|%＝＋－＠", []rune(s)[0]) {
		return s
	}
	if _, err := strconv.ParseFloat(s, 64); err == nil {
		return s // a number
	}
	return "'" + s
}
