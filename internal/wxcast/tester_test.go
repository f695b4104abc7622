package wxcast_test

import (
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

func TestAScanMakesATester(t *testing.T) {
	until := time.Date(2026, 11, 29, 4, 0, 0, 0, time.UTC)
	scene := wxcast.TesterScene(until)
	if len(scene) > 64 {
		t.Errorf("%q has more than the 64 characters that WeChat takes", scene)
	}
	for _, c := range []struct {
		key  string
		at   time.Time
		want bool
	}{
		{scene, until, true},
		{"qrscene_" + scene, until.Add(-time.Minute), true},
		{scene, until.Add(time.Second), false}, // it has ended
		{"qrscene_7", until, false},
		{"wxcast_tester_", until, false},
		{"wxcast_tester_x", until, false},
		{"", until, false},
	} {
		if got := wxcast.MakesTester(c.key, c.at); got != c.want {
			t.Errorf("MakesTester(%q, %s) = %v, want %v", c.key, c.at, got, c.want)
		}
	}
}
