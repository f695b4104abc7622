package broadcast_test

import (
	"os"
	"strings"
	"testing"

	"github.com/wxcast/wxcast/broadcast"
)

func TestTheDocumentedSpecIsOne(t *testing.T) {
	page, err := os.ReadFile("../docs/broadcast.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "```yaml\n")
	text, _, ok := strings.Cut(text, "```")
	if _, err := broadcast.ParseSpec("docs/broadcast.md", []byte(text)); err != nil || !ok {
		t.Error(err)
	}
}
