package store_test

import (
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

func TestSessionsEnd(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		u := wxcast.User{Name: "han", Grants: []wxcast.Grant{{Role: wxcast.RoleViewer}}}
		if added, err := db.AddUser(t.Context(), u, "a link", db.Now().Add(time.Hour)); !added || err != nil {
			t.Fatal(added, err)
		}
		if added, err := db.AddUser(t.Context(), u, "another link", db.Now().Add(time.Hour)); added || err != nil {
			t.Errorf("a second user of that name: %v %v", added, err)
		}
		u, _, _, err := db.User(t.Context(), "han")
		must(t, err)
		for token, life := range map[string]time.Duration{"short": time.Hour, "long": 48 * time.Hour,
			"third": 48 * time.Hour} {
			must(t, db.AddUserSession(t.Context(), wxcast.UserSession{UserID: u.ID, EndsAt: db.Now().Add(life)}, token))
		}
		good := func(token string) bool {
			t.Helper()
			_, _, found, err := db.UserSession(t.Context(), token, 4*time.Hour, false)
			must(t, err)
			return found
		}
		if !good("short") || !good("long") || good("nothing") {
			t.Error("a session is not known, or one that there is not is")
		}
		must(t, db.EndUserSessions(t.Context(), u.ID, "long"))
		if good("short") || good("third") || !good("long") {
			t.Error("all end but the one that stays")
		}
		db.PretendLater(3 * time.Hour)
		_, _, _, err = db.UserSession(t.Context(), "long", 4*time.Hour, true) // somebody is there
		must(t, err)
		db.PretendLater(2 * time.Hour)
		if !good("long") {
			t.Error("a session ends though somebody was there")
		}
		db.PretendLater(3 * time.Hour)
		if good("long") {
			t.Error("a session goes on though nobody was there for four hours")
		}
		if n, err := db.DropOldUserSessions(t.Context(), 4*time.Hour); n != 1 || err != nil {
			t.Errorf("%d are removed (%v)", n, err)
		}
	})
}

func TestACodeAndALinkAreGoodOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		u := wxcast.User{Name: "han", Grants: []wxcast.Grant{{Role: wxcast.RoleViewer}}}
		_, err := db.AddUser(t.Context(), u, "a link", db.Now().Add(time.Hour))
		must(t, err)
		u, _, _, err = db.User(t.Context(), "han")
		must(t, err)
		for n, want := range []bool{true, false} {
			if used, err := db.UseLink(t.Context(), u, "a link", "hash "+string(rune('a'+n)), "SECRET",
				7); used != want ||
				err != nil {
				t.Errorf("try %d: %v %v", n, used, err)
			}
		}
		for step, want := range map[int64]bool{7: false, 6: false} {
			if used, err := db.UseTOTPStep(t.Context(), u.ID, step); used != want || err != nil {
				t.Errorf("step %d: %v %v", step, used, err)
			}
		}
		for _, want := range []bool{true, false} {
			if used, err := db.UseTOTPStep(t.Context(), u.ID, 8); used != want || err != nil {
				t.Errorf("step 8: %v %v, want %v", used, err, want)
			}
		}
		// Of two tries at the same moment one is counted, and the other told to come again.
		for n, want := range []bool{true, false} {
			if alone, err := db.CountTry(t.Context(), u.ID, 0, time.Time{}); alone != want || err != nil {
				t.Errorf("try %d: %v %v", n, alone, err)
			}
		}
		db.PretendLater(2 * time.Hour)
		must(t, db.ResetUser(t.Context(), u.ID, "late link", db.Now().Add(time.Hour)))
		db.PretendLater(2 * time.Hour)
		if _, found, err := db.UserByLink(t.Context(), "late link"); found || err != nil {
			t.Errorf("a link that has ended: %v %v", found, err)
		}
	})
}
