package store_test

import (
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

func TestTokensAreShared(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		none, err := db.Token(t.Context(), "wx")
		must(t, err)
		if none.Reveal() != "" {
			t.Error("a token out of nothing")
		}
		now := db.Now()
		must(t, db.SaveToken(t.Context(), "wx", wxcast.NewToken("one", now, now.Add(time.Hour))))
		must(t, db.SaveToken(t.Context(), "wx", wxcast.NewToken("two", now, now.Add(2*time.Hour))))
		got, err := db.Token(t.Context(), "wx")
		must(t, err)
		if got.Reveal() != "two" || !got.ExpiresAt.Equal(now.Add(2*time.Hour)) {
			t.Errorf("got %s until %v", got.Reveal(), got.ExpiresAt)
		}
	})
}
