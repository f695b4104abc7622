package store_test

import (
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

func TestALockLapsesWithItsHolder(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		try := func(holder string, ttl time.Duration) (bool, wxcast.LockHolder) {
			t.Helper()
			taken, by, err := db.TryLock(ctx, "sync", holder, ttl)
			must(t, err)
			return taken, by
		}
		if taken, _ := try("a", time.Minute); !taken {
			t.Fatal("a free lock was refused")
		}
		if taken, by := try("b", time.Minute); taken || by.Holder != "a" {
			t.Fatalf("taken %v, by %+v", taken, by)
		}
		db.PretendLater(2 * time.Minute)
		if taken, _ := try("b", time.Minute); !taken {
			t.Error("a lapsed lock was refused")
		}
		if ok, err := db.RenewLock(ctx, "sync", "a", time.Minute); err != nil || ok {
			t.Errorf("the former holder renewed: %v, %v", ok, err)
		}
		must(t, db.Unlock(ctx, "sync", "a"))
		if taken, _ := try("c", time.Minute); taken {
			t.Error("the former holder released another's lock")
		}
		must(t, db.Unlock(ctx, "sync", "b"))
		if taken, _ := try("c", time.Minute); !taken {
			t.Error("a released lock was refused")
		}
	})
}
