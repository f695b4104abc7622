package foreign_test

import (
	"encoding/json"
	"encoding/xml"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/wxcast/wxcast/internal/foreign"
)

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"退订":                   "退订",
		"a\tb\nc":              "a\tb\nc",
		"a\x00b\x1bc\x7f":      "a\uFFFDb\uFFFDc\uFFFD",
		"a\xffb":               "a\uFFFDb",
		"\uFFFE":               "\uFFFD",
		strings.Repeat("退", 9): "退退退退退退", // 20 bytes hold six and a piece of one
	} {
		if got := foreign.Text(in, 20); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}

// Whatever is cleaned can be read, and what was clean is as it was.
func FuzzClean(f *testing.F) {
	for _, s := range []string{"退订", "\x00", "\xff\xfe", "&#0;&#x1;&#65;", "\u0085", "&#99999999999;", "&#xD800;"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		clean := string(foreign.Clean([]byte(s)))
		if !utf8.ValidString(clean) || strings.ContainsRune(clean, 0) {
			t.Errorf("%q is not clean", clean)
		}
		if again := string(foreign.Clean([]byte(clean))); again != clean {
			t.Errorf("%q cleaned again is %q", clean, again)
		}
		raw, err := json.Marshal(clean)
		if err != nil || !json.Valid(foreign.Clean(raw)) {
			t.Errorf("%q in JSON: %v", clean, err)
		}
		if strings.ContainsAny(strings.ReplaceAll(clean, "&#", ""), "<&") || strings.Contains(clean, "]]>") {
			return
		}
		var v struct {
			Text string `xml:",chardata"`
		}
		doc := foreign.CleanXML([]byte("<x>" + clean + "</x>"))
		if err := xml.Unmarshal(doc, &v); err != nil && !strings.Contains(err.Error(), "entity") {
			t.Errorf("%q in XML: %v", doc, err)
		}
	})
}

func TestVisibleAndCell(t *testing.T) {
	for in, want := range map[string]string{"a": "a", "a\x1b[31mb": `a\x1b[31mb`, "a\r\nb": "a\\x0d\nb", "a\u202Eb": `a\u202eb`,
		"\u0085": `\x85`} {
		if got := foreign.Visible(in, true); got != want {
			t.Errorf("%q is shown as %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"": "", "a": "a", `=HYPERLINK("x")`: `'=HYPERLINK("x")`, "@SUM(1)": "'@SUM(1)",
		"+1+1": "'+1+1", "-5": "-5", "-cmd": "'-cmd", "\t=1": "'\t=1", "a=1": "a=1"} {
		if got := foreign.Cell(in); got != want {
			t.Errorf("%q is written %q, want %q", in, got, want)
		}
	}
}
