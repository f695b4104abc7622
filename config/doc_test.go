package config_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/wxcast/wxcast/config"
)

// The README's table of settings is the one in keys.go.
func TestTheReadmeListsEverySetting(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range config.Keys {
		row := fmt.Sprintf("| `%s` | `%s` | `%s` | %s |", k.Name, k.Env(), k.Default, k.Doc)
		if !strings.Contains(string(readme), row) {
			t.Errorf("README.md lacks the row\n%s", row)
		}
	}
}
