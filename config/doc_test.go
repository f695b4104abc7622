package config_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/wxcast/wxcast/config"
)

// The documented table of settings is the one in keys.go; in Chinese what each is for is said anew.
func TestThePageListsEverySetting(t *testing.T) {
	pages := map[string]string{}
	for _, name := range []string{"docs/configuration.md", "docs/zh/configuration.md"} {
		page, err := os.ReadFile("../" + name)
		if err != nil {
			t.Fatal(err)
		}
		pages[name] = string(page)
	}
	for _, k := range config.Keys {
		cells := fmt.Sprintf("\n| `%s` | `%s` | `%s` | ", k.Name, k.Env(), k.Default)
		for name, row := range map[string]string{"docs/configuration.md": cells + k.Doc + " |\n",
			"docs/zh/configuration.md": cells} {
			if !strings.Contains(pages[name], row) {
				t.Errorf("%s lacks the row%s", name, row)
			}
		}
	}
}
