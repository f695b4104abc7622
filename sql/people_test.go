package store_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// Who is bridged while the recipients get their rows, some of them by the mini_openid already, is one
// person still.
func TestWhoIsBridgedMeanwhileGetsOneMessage(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.follow(t, 5)
		_, err := w.ImportMiniUsers(t.Context(), w.account, w.mini, miniUsers(1, 5), wxcast.ImportMode{})
		must(t, err)
		w.permit(t, map[wxcast.Recipient]int64{"m000003": 2, "m000004": 2, "m000005": 2})
		b := wxcast.Broadcast{AccountID: w.account, MiniID: w.mini}
		lane := consent.Lane(b)
		w.toldOf(t, lane, wxcast.Quota{Limit: 1000})
		to := wxcast.Audience{MiniID: w.mini, MiniUsers: true, Reach: []wxcast.Reach{{Channel: consent.Name,
			Right: consent.Right, AppID: lane.AppID, OfMini: true, TemplateID: "T"}}}
		b = w.add(t, "b", to, wxcast.BroadcastChannel{Name: consent.Name, Lane: lane, TemplateID: "T"})
		_, _, err = w.FixRecipients(t.Context(), b.Ref(), 2)
		must(t, err)
		_, err = w.Login(t.Context(), w.account, w.mini, wxcast.MiniUser{MiniOpenID: "m000004", UnionID: unionid(4)})
		must(t, err)
		_, _, err = w.Join(t.Context(), w.account, w.mini)
		must(t, err)
		w.fix(t, b)
		got := map[wxcast.MiniOpenID]int{}
		for _, d := range w.take(t, b, consent, "w", time.Minute).Fresh {
			got[d.MiniOpenID]++
		}
		if len(got) != 3 || got["m000003"] != 1 || got["m000004"] != 1 || got["m000005"] != 1 {
			t.Errorf("%v messages, want one to each of the three", got)
		}
	})
}

// What is kept of a person's messages is shown and forgotten, whether or not they are still known as a
// follower or a mini user; and nobody is forgotten whose message is on its way.
func TestMessagesOutliveTheirPersonsRows(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorldOf(t, db, "wxaccount", "wxmini") // without neighbours: their permits go, too
		w.people(t)
		w.permit(t, map[wxcast.Recipient]int64{"m000005": 2})
		b := w.by(t, "b", consent)
		c := w.take(t, b, consent, "w", time.Minute)
		_, err := w.ImportMiniUsers(t.Context(), w.account, w.mini, miniUsers(1, 4),
			wxcast.ImportMode{Replace: true, MaxRemoveShare: 1})
		must(t, err)
		var pending *store.PendingDeliveryError
		if _, err = w.Forget(t.Context(), w.account, []int64{w.mini}, "m000005"); !errors.As(err, &pending) {
			t.Errorf("%v, want that the message is on its way", err)
		}
		w.ends(t, b, consent, c.LeaseID, wxcast.Outcome{Recipient: "m000005", ID: "m000005", State: wxcast.DeliverySent,
			MsgID: 7, AttemptedAt: w.Now(), RightAt: c.Fresh[0].RightAt})
		if got := w.tally(t, b); got.Sent != 1 {
			t.Errorf("WeChat accepted one, and our books say %+v", got)
		}
		w.PretendLater(40 * 24 * time.Hour)
		_, err = w.KeepHouse(t.Context(), w.account, wxcast.Retention{Permits: 24 * time.Hour})
		must(t, err)
		p, err := w.Person(t.Context(), w.account, []int64{w.mini}, "m000005")
		if must(t, err); len(p.Deliveries) != 1 {
			t.Errorf("%+v, want the message", p.Deliveries)
		}
	})
}

// Whoever asks for a list is about to use it: it does not go before the broadcast is there. And one that
// goes is found by nobody any more, however far its removal came.
func TestAListIsWholeOrNotThere(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		const kept = 7 * 24 * time.Hour
		w := newWorld(t, db)
		w.follow(t, 600)
		_, err := w.LoadList(t.Context(), w.account, "digest", wxcast.ListOfOpenIDs,
			func(yield func(wxcast.ListRow, error) bool) {
				for i := 1; i <= 600 && yield(wxcast.ListRow{Line: i + 1, ID: string(openid(i))}, nil); i++ {
				}
			})
		must(t, err)
		find := func() (wxcast.List, bool) {
			list, found, err := w.FindList(t.Context(), w.account, "digest", wxcast.ListOfOpenIDs)
			must(t, err)
			return list, found
		}
		w.PretendLater(kept + time.Minute)
		list, found := find()
		_, err = w.KeepHouse(t.Context(), w.account, wxcast.Retention{Lists: kept})
		must(t, err)
		b := w.add(t, "b", wxcast.Audience{NotIn: []wxcast.ListRef{list.ListRef}})
		w.fix(t, b)
		if got := w.tally(t, b); !found || got.Recipients != 0 {
			t.Errorf("%d people get it who are all in not_in", got.Recipients)
		}
		w.PretendLater(kept + time.Minute)
		if _, err := w.EndLists(t.Context(), w.account, w.Now().Add(-kept)); err != nil { // and then it is killed
			t.Fatal(err)
		}
		if _, found := find(); found {
			t.Error("a list is found that is being removed")
		}
	})
}

// A person who is forgotten may be the one up to whom a broadcast's recipients are known.
func TestABroadcastGoesOnBehindAForgottenPerson(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorldOf(t, db, "wxaccount", "wxmini") // without neighbours: who is forgotten is among them
		_, err := w.ImportMiniUsers(t.Context(), w.account, w.mini, miniUsers(1, 9), wxcast.ImportMode{})
		must(t, err)
		w.told(t, wxcast.DayOf(w.Now()), wxcast.Quota{Limit: 1000})
		b := w.add(t, "b", wxcast.Audience{MiniID: w.mini, MiniUsers: true})
		_, _, err = w.FixRecipients(t.Context(), b.Ref(), 4)
		must(t, err)
		c := w.claim(t, b, "w", 10, time.Minute)
		w.record(t, b, "w", wxcast.DeliverySent, c.Fresh, c.LeaseID)
		_, err = w.Forget(t.Context(), w.account, []int64{w.mini}, "m000004")
		must(t, err)
		w.fix(t, b)
		if got := w.tally(t, b); got.Recipients != 9 {
			t.Errorf("%+v, want nine recipients", got)
		}
	})
}

// Who wants messages again after having been forgotten is not taken off once more when a sync sees them.
func TestWhoWantsMessagesAgainGetsThem(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorldOf(t, db, "wxaccount", "wxmini") // without neighbours: who is forgotten is among them
		w.follow(t, 3)
		back := func() {
			t.Helper()
			must(t, w.Follow(t.Context(), w.account, []wxcast.Follower{{OpenID: openid(1), UnionID: unionid(1),
				SubscribeTime: w.Now()}}, w.Now()))
		}
		listed := func() int {
			all, err := w.OptOuts(t.Context(), w.account, "", 10)
			must(t, err)
			return len(all)
		}
		_, _, err := w.AddOptOuts(t.Context(), w.account, []string{string(openid(1))}, "message")
		must(t, err)
		_, err = w.Forget(t.Context(), w.account, []int64{w.mini}, string(openid(1)))
		must(t, err)
		if back(); listed() != 1 {
			t.Fatal("who comes back is not on the list")
		}
		_, err = w.RemoveOptOuts(t.Context(), w.account, []string{string(openid(1))})
		must(t, err)
		if back(); listed() != 0 {
			t.Error("who took their word back is on the list again")
		}
	})
}

// A login while the first join waits for the table's lock leaves one bridge for each.
func TestAFirstJoinBesideALogin(t *testing.T) {
	url := storetest.PostgresURL(t)
	db, err := store.Open(t.Context(), url)
	must(t, err)
	defer db.Close()
	w := newWorld(t, db)
	w.follow(t, 3)
	_, err = w.ImportMiniUsers(t.Context(), w.account, w.mini, miniUsers(1, 3), wxcast.ImportMode{})
	must(t, err)
	raw, err := sqlx.Open("postgres", url)
	must(t, err)
	defer raw.Close()
	login, err := raw.Beginx()
	must(t, err)
	_, err = login.Exec(`INSERT INTO bridges (account_id, mini_id, openid, mini_openid, unionid, bridged_at)
		VALUES ($1, $2, $3, 'm000002', $4, now())`, w.account, w.mini, openid(2), unionid(2))
	must(t, err)
	joined := make(chan wxcast.Coverage, 1)
	go func() {
		_, c, err := w.Join(context.WithoutCancel(t.Context()), w.account, w.mini)
		if err != nil {
			t.Error(err)
		}
		joined <- c
	}()
	for waits, until := false, time.Now().Add(10*time.Second); !waits; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("the join does not wait for the login: the test shows nothing")
		}
		must(t, raw.Get(&waits, `SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database()
			AND wait_event_type = 'Lock' AND query LIKE 'ALTER TABLE bridges%')`))
	}
	must(t, login.Commit())
	if c := <-joined; c.Joined != 3 {
		t.Errorf("%+v, want three who are joined", c)
	}
}

// While somebody reads SQLite's file, as a backup does for a while, a person is forgotten without keeping
// others from writing; the log is emptied when nobody reads any more.
func TestForgettingHoldsNobodyUp(t *testing.T) {
	url := storetest.SQLiteURL(t)
	db, err := store.Open(t.Context(), url)
	must(t, err)
	defer db.Close()
	w := newWorldOf(t, db, "wxaccount", "wxmini")
	w.follow(t, 30)
	must(t, w.Follow(t.Context(), w.account, []wxcast.Follower{{OpenID: "o-PERSON", Remark: "13800PERSON",
		SubscribeTime: w.Now()}}, w.Now()))
	file := strings.TrimPrefix(url, "sqlite://")
	raw, err := sqlx.Open("sqlite", file)
	must(t, err)
	defer raw.Close()
	rows, err := raw.QueryContext(t.Context(), "SELECT openid FROM followers")
	must(t, err)
	rows.Next()
	forgotten := make(chan error, 1)
	go func() {
		_, err := w.Forget(t.Context(), w.account, []int64{w.mini}, "o-PERSON")
		forgotten <- err
	}()
	for range 5 {
		heard(t, w, 1) // within three seconds
	}
	must(t, rows.Close())
	must(t, <-forgotten)
	log, err := os.ReadFile(file + "-wal")
	if must(t, err); bytes.Contains(log, []byte("13800PERSON")) {
		t.Error("who is forgotten is in the log still")
	}
}

// The wish of a mini user who was forgotten counts again when they are known again, as a follower's does;
// and counts no more when they take it back.
func TestAMiniUsersOptOutOutlivesForgetting(t *testing.T) {
	for _, id := range []string{"m000005", "u000005"} {
		t.Run(id, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				w := newWorldOf(t, db, "wxaccount", "wxmini") // without neighbours: who is forgotten is among them
				w.people(t)
				_, _, err := w.AddOptOuts(t.Context(), w.account, []string{id}, "message")
				must(t, err)
				_, err = w.Forget(t.Context(), w.account, []int64{w.mini}, "m000005")
				must(t, err)
				_, err = w.ImportMiniUsers(t.Context(), w.account, w.mini, miniUsers(1, 6), wxcast.ImportMode{})
				must(t, err)
				w.permit(t, map[wxcast.Recipient]int64{"m000005": 1, "m000006": 1})
				if c := w.take(t, w.by(t, "b", consent), consent, "w", time.Minute); len(c.Fresh) != 1 ||
					c.Fresh[0].Recipient != "m000006" {
					t.Errorf("%v get it, want the other one alone", ids(c.Fresh))
				}
				_, err = w.RemoveOptOuts(t.Context(), w.account, []string{id})
				must(t, err)
				if c := w.take(t, w.by(t, "c", consent), consent, "w", time.Minute); len(c.Fresh) != 1 ||
					c.Fresh[0].Recipient != "m000005" {
					t.Errorf("%v get it when they have taken it back", ids(c.Fresh))
				}
			})
		})
	}
}
