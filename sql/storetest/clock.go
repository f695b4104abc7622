package storetest

import (
	"strings"
	"testing"
	"time"

	"github.com/wxcast/wxcast/sql/storetest/pgserver"
)

// Clock makes the clock of a test's Postgres one that can be set. It is nil for a SQLite
// store, whose clock is the machine's.
func Clock(t *testing.T, rawURL string) (set func(ahead time.Duration)) {
	t.Helper()
	if strings.HasPrefix(rawURL, "sqlite:") {
		return nil
	}
	clock, err := pgserver.NewClock(t.Context(), rawURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = clock.Close() })
	return func(ahead time.Duration) {
		t.Helper()
		if err := clock.Set(t.Context(), ahead); err != nil {
			t.Fatal(err)
		}
	}
}
