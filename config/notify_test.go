package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/text"
)

// Where to tell people: what is wrong is named, and no key or password is.
func TestMistakesInNotify(t *testing.T) {
	for robot, want := range map[string]string{
		"kind: fax, url: \"https://a.example/x\"":                                                     "notify[0].kind",
		"kind: wecom, url: \"not a url\"":                                                             "is no web address",
		"kind: email, url: \"https://a.example/x\"":                                                   "is no address of a mail server",
		"kind: email, url: \"smtps://u:PASSW0RD@smtp.example?from=a@b.example&to=c@d.example\"":       "holds a password",
		"kind: email, url: \"smtps://u@smtp.example?from=nobody&to=c@d.example\"":                     "is no e-mail address",
		"kind: email, url: \"smtps://u@smtp.example?from=a@b.example&to=c@d.example&cc=e@f.example\"": "is nothing that a mail server is asked for",
		"kind: email, url: \"smtps://u@smtp.example?from=a@b.example&to=c@d.example,e@f.example\"":    "",
	} {
		file := filepath.Join(t.TempDir(), "wxcast.yaml")
		if err := os.WriteFile(file, []byte("notify:\n  - {"+robot+"}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := config.Load(config.Sources{File: file, Env: func(string) string { return "" }})
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", robot, err)
		case want != "" && (err == nil || !strings.Contains(text.English.Error(err, text.NoDoor, nil), want) ||
			strings.Contains(text.English.Error(err, text.NoDoor, nil), "PASSW0RD")):
			t.Errorf("%s: %v", robot, err)
		}
	}
}
