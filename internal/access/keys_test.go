package access_test

import (
	"context"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/access"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// counting is a store that knows one key, and counts how often it is asked.
type counting struct {
	access.Store
	asked int
	good  string
}

func (*counting) Now() time.Time { return time.Now() }

func (c *counting) APIKey(_ context.Context, text string) (wxcast.APIKey, bool, error) {
	c.asked++
	return wxcast.APIKey{ID: 1, AccountID: 1, Scopes: []wxcast.Scope{wxcast.ScopeRead}}, text == c.good, nil
}

// Who guesses keys costs the store little, and keeps nobody out who has a good one.
func TestGuessesCostTheStoreLittle(t *testing.T) {
	s := &counting{good: "wxk_GOOD"}
	refused := map[access.Refusal]int{}
	g := access.NewGuard(s, func(int64) bool { return true })
	g.Refused = func(_ context.Context, why access.Refusal, _ string) { refused[why]++ }
	admit := func(key string) access.Refusal {
		_, why, err := g.Admit(t.Context(), key, "192.0.2.1", wxcast.ScopeRead, false)
		if err != nil {
			t.Fatal(err)
		}
		return why
	}
	if why := admit(s.good); why != access.Admitted {
		t.Fatalf("a good key: %v", why)
	}
	for range 25_000 {
		if why := admit("wxk_GUESS"); why == access.Admitted {
			t.Fatal("a guess came in")
		}
	}
	if s.asked > 100 {
		t.Errorf("25,000 guesses made %d look-ups", s.asked)
	}
	if why := admit(s.good); why != access.Admitted {
		t.Errorf("a good key from the same address: %v", why)
	}
	if refused[access.WrongKey] == 0 || refused[access.TooManyStrangers] < 20_000 {
		t.Errorf("told of %v", refused)
	}
	s.good = "wxk_OTHER" // the first is revoked
	asked := s.asked
	for range 1000 {
		admit("wxk_GOOD")
	}
	if s.asked > asked+10 {
		t.Errorf("a revoked key made %d look-ups", s.asked-asked)
	}
	if admit("nonsense") == access.Admitted || admit("wxk_"+string(make([]byte, 1000))) == access.Admitted {
		t.Error("what is no key came in")
	}
}
