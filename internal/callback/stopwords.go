package callback

import (
	"slices"
	"strings"

	"github.com/wxcast/wxcast/internal/wechat"
)

// StopWords are what people write to get no more messages.
type StopWords struct {
	Words []string // such as "退订" and "TD", in any case
	Reply string   // what they are told
}

// has tells whether a message asks for no more messages.
func (s StopWords) has(kind, content string) bool {
	return kind == "text" && slices.ContainsFunc(s.Words,
		func(word string) bool { return strings.EqualFold(word, strings.TrimSpace(content)) })
}

// answer is what to tell the sender of a message; "" for nothing.
func (s StopWords) answer(e wechat.Event) string {
	if e.Name == "" && s.has(e.Type, e.Content) {
		return s.Reply
	}
	return ""
}
