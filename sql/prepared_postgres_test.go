package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
	"github.com/wxcast/wxcast/sql/storetest/pgserver"
)

// On a session of its own what is run again is prepared, while its plan is young; a pooler, which
// hands sessions around, never sees a prepared statement.
func TestAPoolerIsGivenNothingPrepared(t *testing.T) {
	url := storetest.PostgresURL(t)
	for _, way := range []struct {
		name   string
		pooler string        // poses as one, or is one that poses as none
		last   time.Duration // of plans
		want   bool
	}{
		{"its own session", "", time.Hour, true},
		{"a pooler's", "poses", time.Hour, false},
		{"plans that are old", "", time.Nanosecond, false},
		{"a pooler's that looks like one's own", "forgets", time.Hour, true},
	} {
		t.Run(way.name, func(t *testing.T) {
			proxy, through, err := pgserver.StartProxy(url)
			must(t, err)
			defer proxy.Close()
			switch way.pooler {
			case "poses":
				proxy.PoseAsPooler()
			case "forgets":
				proxy.Forget()
			}
			store.PlansLast(t, way.last)
			db, err := store.Open(t.Context(), through)
			must(t, err)
			defer db.Close()
			for range 5 {
				if _, err := db.Preset(t.Context(), 1, "none", 0); !errors.Is(err, store.ErrNotFound) {
					t.Fatalf("a preset that is not there: %v", err)
				}
			}
			if named := proxy.Named(); (named > 0) != way.want {
				t.Errorf("%d statements are prepared (should any be: %v)", named, way.want)
			}
		})
	}
}

// Who gives up a prepared statement is not held up by the request to cancel it, which a silent
// server does not answer either.
func TestASilentServerDoesNotHoldUpWhoGivesUp(t *testing.T) {
	proxy, through, err := pgserver.StartProxy(storetest.PostgresURL(t))
	must(t, err)
	defer proxy.Close()
	db, err := store.Open(t.Context(), through)
	must(t, err)
	defer db.Close()
	look := func(ctx context.Context) error {
		_, err := db.Preset(ctx, 1, "none", 0)
		return err
	}
	for range 3 {
		if err := look(t.Context()); !errors.Is(err, store.ErrNotFound) {
			t.Fatal(err)
		}
	}
	proxy.Silence(true)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	begun := time.Now()
	if err := look(ctx); err == nil || errors.Is(err, store.ErrNotFound) {
		t.Fatalf("a silent server answers: %v", err)
	}
	if took := time.Since(begun); took > 6*time.Second {
		t.Errorf("it took %v to give up, want two seconds or so: what is waited for has its own end", took)
	}
}
