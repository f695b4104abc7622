package store_test

import (
	"testing"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

func TestABroadcastIsAddedOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		first := wxcast.Broadcast{AccountID: w.account, Channels: w.channels(), MiniID: w.mini, Name: "b",
			ContentHash: "h", MessageKey: "k1", State: wxcast.BroadcastRunning}
		second := first
		second.MessageKey = "k2"
		_, added, err := w.AddBroadcast(t.Context(), first)
		must(t, err)
		_, again, err := w.AddBroadcast(t.Context(), second)
		must(t, err)
		if !added || again {
			t.Errorf("added %v, then %v", added, again)
		}
	})
}
