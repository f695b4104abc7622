package store_test

import (
	"testing"

	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

func TestMigratingTwiceChangesNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		from, to, err := db.Migrate(t.Context())
		if err != nil || from != to || from == 0 {
			t.Errorf("from %d to %d, %v", from, to, err)
		}
		if err := db.CheckSchema(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
