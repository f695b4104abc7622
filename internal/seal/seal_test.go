package seal_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wxcast/wxcast/internal/seal"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wxcast"
)

func line(b byte) string {
	return base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(b), 32)))
}

func load(t *testing.T, lines ...string) (seal.Keys, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "data.key")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	return seal.Load(file)
}

func keys(t *testing.T, lines ...string) seal.Keys {
	t.Helper()
	k, err := load(t, lines...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestWhatIsSealedOpensWithItsKey(t *testing.T) {
	old := keys(t, "# the first", line('a'))
	sealed := old.Seal("ACCESS_TOKEN", "token wx1")
	if strings.Contains(sealed, "ACCESS") || sealed == old.Seal("ACCESS_TOKEN", "token wx1") {
		t.Errorf("sealed as %s: it shows what it hides, or is the same each time", sealed)
	}
	for name, k := range map[string]seal.Keys{"the same": old, "after a rotation": keys(t, line('b'), "", line('a'))} {
		if plain, err := k.Open(sealed, "token wx1"); plain != "ACCESS_TOKEN" {
			t.Errorf("%s: opened as %q (%v)", name, plain, err)
		}
	}
	for name, open := range map[string]func() (string, error){
		"with another key":    func() (string, error) { return keys(t, line('b')).Open(sealed, "token wx1") },
		"without a key":       func() (string, error) { return seal.Keys{}.Open(sealed, "token wx1") },
		"in another's place":  func() (string, error) { return old.Open(sealed, "token wx2") },
		"cut":                 func() (string, error) { return old.Open(sealed[:len(sealed)-4], "token wx1") },
		"cut down to its key": func() (string, error) { return old.Open(sealed[:16], "token wx1") },
	} {
		if plain, err := open(); err == nil || plain != "" {
			t.Errorf("%s: opened as %q", name, plain)
		}
	}
	if plain, err := old.Open("PLAIN", "token wx1"); plain != "PLAIN" || err != nil {
		t.Errorf("what was stored before there was a key is read as %q (%v)", plain, err)
	}
	if (seal.Keys{}).Seal("PLAIN", "") != "PLAIN" {
		t.Error("without keys a text is not the text itself")
	}
}

func TestKeyFilesAreRead(t *testing.T) {
	for name, lines := range map[string][]string{"empty": {""}, "comments only": {"# none"}, "no base64": {"secret"},
		"too short": {base64.StdEncoding.EncodeToString([]byte("short"))}, "the second is none": {line('a'), "?"}} {
		_, err := load(t, lines...)
		said, ok := err.(wxcast.Said)
		if !ok || text.English.Say(said.Sentence()) == "" {
			t.Errorf("%s: %v, want a sentence", name, err)
		}
		for _, l := range lines {
			if l != "" && l[0] != '#' && err != nil && strings.Contains(err.Error(), l) {
				t.Errorf("%s: the sentence shows the key: %v", name, err)
			}
		}
	}
	if _, err := seal.Load(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that is not there is taken")
	}
}

func TestMACsAreOfTheirKey(t *testing.T) {
	k := keys(t, line('a'), line('b'))
	mine, ok := k.MAC(k.ID(), []byte("x"))
	plain, _ := k.MAC("", []byte("x"))
	if !ok || mine == plain {
		t.Errorf("a MAC by %s is %s, a plain hash %s", k.ID(), mine, plain)
	}
	if again, ok := keys(t, line('c'), line('a')).MAC(k.ID(), []byte("x")); !ok || again != mine {
		t.Errorf("after a rotation it is %s, want %s", again, mine)
	}
	if _, ok := keys(t, line('c')).MAC(k.ID(), []byte("x")); ok {
		t.Error("a MAC by a key that is gone")
	}
}
