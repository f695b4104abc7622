package wechat_test

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wechat"
)

func TestWhatIsWrongWithAPicture(t *testing.T) {
	sim, base := startSimulator(t, simulator.Options{Followers: 1})
	c := newClient(t, sim, openStore(t), base)
	for name, test := range map[string]struct {
		image []byte
		code  int
	}{
		"nothing":       {picture, 0},
		"it is none":    {[]byte("<html>"), 40005},
		"it is empty":   {nil, 41005},
		"it is too big": {append(bytes.Clone(picture), make([]byte, 10<<20)...), 40006},
	} {
		t.Run(name, func(t *testing.T) {
			media, _, err := c.UploadImage(t.Context(), "a.png", test.image)
			if wechat.CodeOf(err) != test.code || (err == nil) != (media != "") {
				t.Errorf("%q %v", media, err)
			}
			if err != nil && wechat.ClassOf(err) != wechat.ClassConfigStop {
				t.Errorf("class %v", wechat.ClassOf(err))
			}
		})
	}
}

// An upload goes the way of every call: a token that died is replaced, and a busy WeChat asked
// again.
func TestAnUploadIsMadeAgain(t *testing.T) {
	sim, base := startSimulator(t, simulator.Options{Followers: 1})
	c := newClient(t, sim, openStore(t), base)
	if _, _, err := c.UploadImage(t.Context(), "a.png", picture); err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(base+simulator.ControlPath+"tokens/kill", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if _, _, err := c.UploadImage(t.Context(), "a.png", picture); err != nil || sim.State().TokenFetches != 2 {
		t.Errorf("%d token fetches: %v", sim.State().TokenFetches, err)
	}
	sim.SetKnobs(func(k *simulator.Knobs) {
		k.BrokenJSON, k.FaultsOnly = 1, []string{"/cgi-bin/media/upload"}
	})
	before := sim.CallsTo("/cgi-bin/media/upload")
	_, _, err = c.UploadImage(t.Context(), "a.png", picture)
	calls := sim.CallsTo("/cgi-bin/media/upload") - before
	if wechat.ClassOf(err) != wechat.ClassRetryLater || calls < 2 {
		t.Errorf("%d calls: %v", calls, err)
	}
}
