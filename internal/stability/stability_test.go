package stability_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wxcast/wxcast/internal/stability"
)

// corpus holds what each release had: a file each, written by make corpus VERSION=… when it is
// made. dropped.txt has the lines that a later one lacks, each with the reason after a tab; they
// were deprecated first, as docs/stability.md says.
const corpus = "corpus"

func TestWhatAReleaseHadTheNextOnesHave(t *testing.T) {
	now, err := stability.Interface("../../docs/spec.schema.json", "../cli/testdata/json_keys.golden")
	if err != nil {
		t.Fatal(err)
	}
	if version := os.Getenv("WXCAST_CORPUS"); version != "" {
		text := strings.Join(now, "\n") + "\n"
		if err := os.WriteFile(filepath.Join(corpus, version+".txt"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for kind, least := range map[string]int{"command ": 150, "config ": 100, "event ": 15, "metric ": 10, "api ": 400,
		"spec ": 30, "json ": 500, "migration ": 2} {
		n := 0
		for _, line := range now {
			if strings.HasPrefix(line, kind) {
				n++
			}
		}
		if n < least {
			t.Errorf("%d lines of %q: not all is written down", n, kind)
		}
	}
	for _, line := range []string{"command wxcast broadcast run --rate float64", "config serve.listen",
		"event message.sent", "json wxcast broadcast list .broadcasts[].id number",
		"metric wxcast_wechat_calls_total{account,api,class}", "metric wxcast_message_lag_seconds{account}",
		"metric wxcast_messages_total{account,channel,state}",
		"api POST /api/v1/messages", "api GET /api/v1/broadcasts/{id} answers.state string", "spec quiet_hours"} {
		if _, ok := slices.BinarySearch(now, line); !ok {
			t.Errorf("%q is not written down", line)
		}
	}
	dropped := map[string]bool{}
	for _, line := range lines(t, filepath.Join(corpus, "dropped.txt")) {
		what, why, _ := strings.Cut(line, "\t")
		if why == "" {
			t.Errorf("dropped.txt does not say why %q went", what)
		}
		dropped[what] = true
	}
	releases, err := filepath.Glob(filepath.Join(corpus, "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range releases {
		if filepath.Base(file) == "dropped.txt" {
			continue
		}
		for _, lost := range missing(lines(t, file), now, dropped) {
			t.Errorf("%s had %q: it is an interface (docs/stability.md)", strings.TrimSuffix(filepath.Base(file), ".txt"), lost)
		}
	}
}

// missing are the lines that were and are no more.
func missing(before, now []string, dropped map[string]bool) (lost []string) {
	for _, line := range before {
		if _, ok := slices.BinarySearch(now, line); !ok && !dropped[line] {
			lost = append(lost, line)
		}
	}
	return lost
}

func TestWhatIsLostIsFound(t *testing.T) {
	now := []string{"api GET /a answers.id integer", "command wxcast sync"}
	before := []string{"api GET /a answers.id string", "command wxcast sync",
		"command wxcast sync --full bool", "event gone"}
	got := missing(before, now, map[string]bool{"event gone": true})
	if !slices.Equal(got, []string{"api GET /a answers.id string", "command wxcast sync --full bool"}) {
		t.Errorf("%q", got)
	}
}

func lines(t *testing.T, file string) []string {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(strings.Split(string(raw), "\n"), func(s string) bool { return s == "" })
}
