package cli

import (
	"testing"

	"github.com/spf13/pflag"

	"github.com/wxcast/wxcast/internal/text"
)

// Every command and every flag says what it is for, in every language. cobra's own flags of
// completion are cobra's.
func TestEveryCommandAndFlagIsDescribed(t *testing.T) {
	for _, lang := range text.Langs {
		a := &app{lang: lang}
		for _, c := range everyCommand(a.root()) {
			path := helpPath(c)
			if c.HasParent() && c.Parent().Name() == "completion" {
				continue
			}
			if _, ok := lang.Lookup("help" + path); !ok {
				t.Errorf("%s: wxcast%s says not what it is for: internal/text/help.go lacks help%s", lang, path, path)
			}
			c.LocalFlags().VisitAll(func(f *pflag.Flag) {
				if _, ok := flagUsage(lang, path, f.Name); !ok {
					t.Errorf("%s: wxcast%s --%s says not what it is for: internal/text/help.go lacks flag.%s", lang,
						path, f.Name, f.Name)
				}
			})
		}
	}
}
