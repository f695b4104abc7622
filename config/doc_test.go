package config_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/wxcast/wxcast/config"
)

// The documented table of settings is the one in keys.go.
func TestThePageListsEverySetting(t *testing.T) {
	page, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range config.Keys {
		row := fmt.Sprintf("| `%s` | `%s` | `%s` | %s |", k.Name, k.Env(), k.Default, k.Doc)
		if !strings.Contains(string(page), row) {
			t.Errorf("docs/configuration.md lacks the row\n%s", row)
		}
	}
}
