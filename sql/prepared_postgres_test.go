package store_test

import (
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
		pooler bool
		last   time.Duration // of plans
		want   bool
	}{
		{"its own session", false, time.Hour, true},
		{"a pooler's", true, time.Hour, false},
		{"plans that are old", false, time.Nanosecond, false},
	} {
		t.Run(way.name, func(t *testing.T) {
			proxy, through, err := pgserver.StartProxy(url)
			must(t, err)
			defer proxy.Close()
			if way.pooler {
				proxy.PoseAsPooler()
			}
			store.PlansLast(t, way.last)
			db, err := store.Open(t.Context(), through)
			must(t, err)
			defer db.Close()
			for range 5 {
				if _, err := db.Preset(t.Context(), 1, "none", 0); err == nil {
					t.Fatal("a preset that is not there")
				}
			}
			if named := proxy.Named(); (named > 0) != way.want {
				t.Errorf("%d statements are prepared (should any be: %v)", named, way.want)
			}
		})
	}
}
