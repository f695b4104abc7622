package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/cli"
	"github.com/wxcast/wxcast/internal/text"
)

// A command as pages write it: alone in a line of code, or between backquotes.
var (
	inline  = regexp.MustCompile("`(?:[A-Z_]+=\\S+ )*(wxcast [^`]+)`")
	inBlock = regexp.MustCompile(`(?m)^ *(?:[A-Z_]+=\S+ +)*(?:\w+=\$\()?(wxcast [^#\n]+)`)
	blocks  = regexp.MustCompile("(?ms)^```(?:sh|yaml|text)?\n.*?^```|^    [^\n]+")
	flag    = regexp.MustCompile(`(?:^|[\s\[|])--([a-z][a-z-]*)`)
	oneWord = regexp.MustCompile(`^[a-z][a-z-]*$`)
)

// Each command that a page shows is one, and has the flags that it is shown with.
func TestTheCommandsOfThePagesAreThere(t *testing.T) {
	root := cli.Commands(text.English)
	var pages []string
	for _, pattern := range []string{"*.md", "zh/*.md", "../*.md", "../deploy/*/*"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	shown := 0
	for _, page := range pages {
		raw, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, m := range inline.FindAllStringSubmatch(string(raw), -1) {
			lines = append(lines, m[1])
		}
		for _, block := range blocks.FindAllString(string(raw), -1) {
			for _, m := range inBlock.FindAllStringSubmatch(block, -1) {
				lines = append(lines, m[1])
			}
		}
		for _, line := range lines {
			for _, part := range regexp.MustCompile(`&&|;|\|\|`).Split(line, -1) {
				if part = strings.TrimSpace(part); part == "wxcast session key" { // what a key is named by
					continue
				}
				if strings.HasPrefix(part, "wxcast ") {
					shown++
					if problem := checkCommand(root, part); problem != "" {
						t.Errorf("%s: %s: %s", page, part, problem)
					}
				}
			}
		}
	}
	if shown < 200 {
		t.Errorf("only %d commands were found in the pages", shown)
	}
}

// checkCommand says what is wrong with a command line; "" when nothing is. Of "a|b" each is one.
func checkCommand(root *cobra.Command, line string) string {
	at := []*cobra.Command{root}
	for _, word := range strings.Fields(line)[1:] {
		word = strings.TrimRight(word, ",.:…")
		names := strings.Split(strings.ReplaceAll(word, `\|`, "|"), "|")
		if !at[0].HasSubCommands() || slices.ContainsFunc(names, func(n string) bool { return !oneWord.MatchString(n) }) {
			break
		}
		var below []*cobra.Command
		for _, name := range names {
			i := slices.IndexFunc(at[0].Commands(), func(c *cobra.Command) bool { return c.Name() == name })
			if i < 0 && name != "completion" && name != "help" {
				if at[0].Runnable() && len(names) == 1 { // an argument
					below = at
					continue
				}
				return "there is no " + at[0].CommandPath() + " " + name
			}
			if i >= 0 {
				below = append(below, at[0].Commands()[i])
			}
		}
		if len(below) == 0 || slices.Equal(below, at) {
			break
		}
		at = below
	}
	if len(strings.Fields(line)) > 1 && strings.Contains(line, " completion") {
		return ""
	}
	for _, m := range flag.FindAllStringSubmatch(line, -1) {
		name := m[1]
		if name == "help" || slices.ContainsFunc(at, func(c *cobra.Command) bool {
			return c.Flags().Lookup(name) != nil || c.InheritedFlags().Lookup(name) != nil
		}) {
			continue
		}
		return "it has no --" + name
	}
	return ""
}
