package store_test

import (
	"testing"

	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
	"github.com/wxcast/wxcast/sql/storetest/pgserver"
)

// On a session of its own what is run again is prepared; a pooler, which hands sessions around,
// never sees a prepared statement.
func TestAPoolerIsGivenNothingPrepared(t *testing.T) {
	url := storetest.PostgresURL(t)
	for _, way := range []struct {
		name   string
		pooler bool
	}{{"its own session", false}, {"a pooler's", true}} {
		t.Run(way.name, func(t *testing.T) {
			proxy, through, err := pgserver.StartProxy(url)
			must(t, err)
			defer proxy.Close()
			if way.pooler {
				proxy.PoseAsPooler()
			}
			db, err := store.Open(t.Context(), through)
			must(t, err)
			defer db.Close()
			for range 5 {
				if _, err := db.Preset(t.Context(), 1, "none", 0); err == nil {
					t.Fatal("a preset that is not there")
				}
			}
			if named := proxy.Named(); (named > 0) == way.pooler {
				t.Errorf("%d statements are prepared", named)
			}
		})
	}
}
