package callback

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/wxcast/wxcast/internal/wechat"
)

// StopWords are what people write to get no more messages.
type StopWords struct {
	Words []string // such as "退订" and "TD"
	Reply string   // what they are told
}

// repliesWith begin a message as the instructions have it: "回复TD退订".
var repliesWith = []string{"回复", "回覆", "发送", "發送", "回", "发", "發"}

// has tells whether a message asks for no more messages: one of the words, however it is
// written, and maybe as the instructions have it. Not a sentence that holds one: "怎么退订"
// is a question.
func (s StopWords) has(kind, content string) bool {
	if kind != "text" {
		return false
	}
	said := plain(content)
	for _, word := range s.Words {
		if word = plain(word); word == "" {
			continue
		}
		if said == word {
			return true
		}
		for _, prefix := range repliesWith {
			if rest, ok := strings.CutPrefix(said, prefix); ok && plain(rest) == word {
				return true
			}
		}
	}
	return false
}

// plain is a text without what does not count around it: full width, case, blanks, quotes
// and points.
func plain(text string) string {
	return strings.TrimFunc(cases.Fold().String(norm.NFKC.String(text)), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsPunct(r) || unicode.IsSymbol(r) || unicode.Is(unicode.Cf, r) ||
			r == unicode.ReplacementChar
	})
}

// asks tells whether an event is a message that asks for no more messages.
func (s StopWords) asks(e wechat.Event) bool { return e.Name == "" && s.has(e.Type, e.Content) }
