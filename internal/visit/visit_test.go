package visit_test

import (
	"encoding/base64"
	"testing"

	"github.com/wxcast/wxcast/internal/visit"
)

func TestAMarkIsGoodForItsPersonAlone(t *testing.T) {
	key := []byte("a key")
	for _, of := range []visit.Of{{Broadcast: 1}, {Broadcast: 70000, Message: 1 << 40}} {
		mark := visit.Mark(key, of, "o1")
		got, to, err := visit.Read(mark)
		if err != nil || got != of || len(mark) > 28 {
			t.Fatalf("%s: %+v, %v", mark, got, err)
		}
		if !to(key, "o1") || to(key, "o2") || to([]byte("another"), "o1") {
			t.Errorf("%s is good for another person, or by another key", mark)
		}
		raw, err := base64.RawURLEncoding.DecodeString(mark)
		if err != nil {
			t.Fatal(err)
		}
		for i := range raw { // another message, or another signature
			changed := append([]byte(nil), raw...)
			changed[i] ^= 1
			_, to, err := visit.Read(base64.RawURLEncoding.EncodeToString(changed))
			if err == nil && to(key, "o1") {
				t.Errorf("%s with byte %d changed is good", mark, i)
			}
		}
	}
	for _, mark := range []string{"", "a", "!!", "AAAA", string(make([]byte, 1000)),
		"____________________________________________________________________"} {
		if _, _, err := visit.Read(mark); err == nil {
			t.Errorf("%q is a mark", mark)
		}
	}
}

func TestAMarkIsAddedToAPage(t *testing.T) {
	for page, want := range map[string]string{
		"":                      "",
		"pages/order":           "pages/order?wxv=m",
		"pages/order?id=1":      "pages/order?id=1&wxv=m",
		"pages/order?id=1&":     "pages/order?id=1&wxv=m",
		"pages/order?id=1#top":  "pages/order?id=1&wxv=m#top",
		"pages/order?q=%E8%8C%": "pages/order?q=%E8%8C%&wxv=m",
	} {
		if got := visit.AddTo(page, "m"); got != want {
			t.Errorf("%q becomes %q, want %q", page, got, want)
		}
	}
	if got := visit.AddTo("pages/order", ""); got != "pages/order" {
		t.Errorf("without a mark: %s", got)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(visit.Mark([]byte("k"), visit.Of{Broadcast: 3, Message: 9}, "o"))
	f.Fuzz(func(t *testing.T, mark string) {
		if of, to, err := visit.Read(mark); err == nil && (to([]byte("k"), "o") != (visit.Mark([]byte("k"), of,
			"o") == mark)) {
			t.Errorf("%q reads as %+v", mark, of)
		}
	})
}
