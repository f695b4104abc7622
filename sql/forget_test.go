package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// The person of these tests, by all their ids, and what they wrote.
var traces = []string{"o-PERSON-openid", "u-PERSON-unionid", "m-PERSON-mini", "13800PERSON", "PERSON-wrote"}

// Who is forgotten is in no table any more, and not in the bytes of SQLite's files; that they
// asked for no more messages holds all the same when they come back.
func TestAForgottenPersonIsNowhere(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		db, err := store.Open(t.Context(), url)
		must(t, err)
		defer db.Close()
		w := newWorld(t, db)
		person, _ := leaveTraces(t, w)
		filled := tablesWith(t, url)
		for _, table := range []string{"followers", "mini_users", "bridges", "list_rows", "deliveries", "blocks",
			"early_receipts", "callbacks", "events", "visits", "goals", "relays", "sync_pages", "optouts", "permits",
			"draft_files", "testers"} {
			if !filled[table] {
				t.Errorf("nothing of the person is in %s: the test shows nothing of it (%v)", table, filled)
			}
		}
		shown, err := w.Person(t.Context(), w.account, []int64{w.mini}, "o-PERSON-openid")
		if err != nil || len(shown.OptOuts) < 2 || len(shown.Listed) != 3 || len(shown.Events) != 1 ||
			len(shown.Refused) != 1 || len(shown.Permits) != 1 ||
			len(shown.Deliveries) != 1 || len(shown.MiniUsers) != 1 {
			t.Errorf("%+v (%v): want all that is kept", shown, err)
		}

		_, err = w.Forget(t.Context(), w.account, []int64{w.mini}, "o-PERSON-openid")
		must(t, err)
		if left := tablesWith(t, url); len(left) > 0 {
			t.Errorf("the person is still in %v", left)
		}
		if file, ok := strings.CutPrefix(url, "sqlite://"); ok {
			files, err := filepath.Glob(file + "*")
			must(t, err)
			for _, name := range files {
				raw, err := os.ReadFile(name)
				must(t, err)
				for _, trace := range traces {
					if at := bytes.Index(raw, []byte(trace)); at >= 0 {
						t.Errorf("%s is in the bytes of %s: …%q…", trace, filepath.Base(name), raw[max(0, at-40):at+40])
					}
				}
			}
		}
		must(t, w.Follow(t.Context(), w.account, []wxcast.Follower{person}, w.Now()))
		back := w.add(t, "to those who are back", wxcast.Audience{OpenID: "o-PERSON-openid"})
		w.fix(t, back)
		if c := w.claim(t, back, "w", 10, time.Minute); len(c.Fresh) != 0 || c.Skipped != 1 {
			t.Errorf("%d messages to who said stop, %d skipped: the opt-out is forgotten, too", len(c.Fresh), c.Skipped)
		}
	})
}

// leaveTraces makes the person leave something of themselves in every table that can hold it.
func leaveTraces(t *testing.T, w world) (wxcast.Follower, wxcast.Broadcast) {
	t.Helper()
	person := wxcast.Follower{OpenID: "o-PERSON-openid", UnionID: "u-PERSON-unionid", Remark: "13800PERSON",
		SubscribeTime: time.Unix(1700000000, 0)}
	w.follow(t, 20) // others
	must(t, w.Follow(t.Context(), w.account, []wxcast.Follower{person}, w.Now()))
	_, err := w.ImportMiniUsers(t.Context(), w.account, w.mini, func(yield func(wxcast.MiniUser, error) bool) {
		yield(wxcast.MiniUser{MiniOpenID: "m-PERSON-mini", UnionID: "u-PERSON-unionid"}, nil)
	}, wxcast.ImportMode{})
	must(t, err)
	_, _, err = w.Join(t.Context(), w.account, w.mini)
	must(t, err)
	_, err = w.AddDraft(t.Context(), w.account, "name: x\n", []string{"han"},
		map[string][]byte{"people.csv": []byte("openid\no-PERSON-openid\n")})
	must(t, err)
	for kind, id := range map[wxcast.ListKind]string{wxcast.ListOfOpenIDs: "o-PERSON-openid",
		wxcast.ListOfUnionIDs: "u-PERSON-unionid", wxcast.ListOfMiniOpenIDs: "m-PERSON-mini"} {
		_, err = w.LoadList(t.Context(), w.account, "digest "+string(kind), kind,
			func(yield func(wxcast.ListRow, error) bool) {
				yield(wxcast.ListRow{Line: 2, ID: id, Vars: map[string]string{"phone": "13800PERSON"}}, nil)
			})
		must(t, err)
	}
	list, _, err := w.FindList(t.Context(), w.account, "digest openid", wxcast.ListOfOpenIDs)
	must(t, err)
	b := w.add(t, "to the list", wxcast.Audience{In: &wxcast.ListRef{ID: list.ID, Kind: wxcast.ListOfOpenIDs}})
	w.fix(t, b)
	w.told(t, wxcast.DayOf(w.Now()), wxcast.Quota{Limit: 1000})
	c := w.claim(t, b, "w", 10, time.Minute)
	if len(c.Fresh) != 1 {
		t.Fatalf("%d messages, want the person's", len(c.Fresh))
	}
	must(t, w.recordAll(t.Context(), wxcast.Recording{Channel: anyChannel, Broadcast: b.Ref(), Worker: "w",
		Lane: w.lane(),
		Outcomes: []wxcast.Outcome{{Recipient: "o-PERSON-openid", State: wxcast.DeliverySent, MsgID: 77,
			AttemptedAt: w.Now()}}, DoneLeases: []int64{c.LeaseID}}))
	must(t, w.RecordReceipts(t.Context(), w.account, anyChannel, w.lane(), []wxcast.Receipt{
		{OpenID: "o-PERSON-openid", MsgID: 77, Status: "failed:user block", Blocked: true, At: w.Now()},
		{OpenID: "o-PERSON-openid", MsgID: 99, Status: "success", At: w.Now()}}))
	_, err = w.AddCallbacks(t.Context(), w.account, []wxcast.CallbackEvent{{OpenID: "o-PERSON-openid",
		CreatedAt: w.Now().Truncate(time.Second), Kind: "text", Content: "PERSON-wrote"}})
	must(t, err)
	_, err = w.AddTesters(t.Context(), w.account, []wxcast.OpenID{"o-PERSON-openid"}, "scan")
	must(t, err)
	run, _, err := w.OpenSyncRun(t.Context(), w.account, wxcast.SyncFull, time.Hour)
	must(t, err)
	must(t, w.StoreListingPage(t.Context(), run, wxcast.ListingPage{Number: 1,
		OpenIDs: []wxcast.OpenID{"o-A", "o-PERSON-openid", "o-B"}, Next: "o-B", Total: 3}))
	_, err = w.RecordPermits(t.Context(), w.account, w.mini, []wxcast.PermitReport{{Recipient: "m-PERSON-mini",
		TemplateID: "T", Accepted: true, Source: wxcast.PermitByClient, ID: "a", At: w.Now(), Kind: wxcast.PermitOnce}})
	must(t, err)
	_, err = w.AddVisit(t.Context(), w.account, wxcast.Visit{BroadcastID: b.ID, Recipient: "o-PERSON-openid",
		MiniOpenID: "m-PERSON-mini", At: w.Now()})
	must(t, err)
	_, err = w.AddGoals(t.Context(), w.account, []wxcast.Goal{{OpenID: "o-PERSON-openid", MiniOpenID: "m-PERSON-mini",
		Name: "order", Amount: 100, At: w.Now().Add(time.Second), Key: "PERSON-wrote"}})
	must(t, err)
	must(t, w.AddRelays(t.Context(), w.account, []wxcast.Relay{{To: "relay:crm", OpenID: "o-PERSON-openid",
		Body: []byte("x")}}))
	_, _, err = w.AddOptOuts(t.Context(), w.account, []string{"o-PERSON-openid", "m-PERSON-mini"}, "message")
	must(t, err)
	return person, b
}

// tablesWith are the tables in which a trace of the person is.
func tablesWith(t *testing.T, url string) map[string]bool {
	t.Helper()
	driver, dsn := "postgres", url
	tables := "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
	if file, ok := strings.CutPrefix(url, "sqlite://"); ok {
		driver, dsn, tables = "sqlite", file, "SELECT name FROM sqlite_master WHERE type = 'table'"
	}
	db, err := sqlx.Open(driver, dsn)
	must(t, err)
	defer db.Close()
	var names []string
	must(t, db.SelectContext(context.Background(), &names, tables))
	with := map[string]bool{}
	for _, name := range names {
		rows, err := db.QueryxContext(t.Context(), "SELECT * FROM "+name)
		must(t, err)
		for rows.Next() {
			row, err := rows.SliceScan()
			must(t, err)
			for _, cell := range row {
				if raw, ok := cell.([]byte); ok {
					cell = string(raw)
				}
				for _, trace := range traces {
					if strings.Contains(fmt.Sprint(cell), trace) {
						with[name] = true
					}
				}
			}
		}
		must(t, rows.Close())
	}
	return with
}

// Who has a reminder for next month can be forgotten today: it does not leave. What a worker has in
// hand, or a broadcast is still to send, is seen through first.
func TestAReminderKeepsNobodyHere(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorldOf(t, db, "wxaccount", "wxmini") // without neighbours: they go, too
		w.people(t)
		b := w.day(t, "m")
		reminder := w.message(b, 2, "in a month")
		reminder.SendAt = w.Now().Add(30 * 24 * time.Hour)
		added := w.addMessages(t, w.message(b, 1, "now"), reminder)
		if c := w.claim(t, b, "w", 10, time.Minute); len(c.Retries) != 1 {
			t.Fatalf("claimed %+v", c.Retries)
		}
		var pending *store.PendingDeliveryError
		if _, err := w.Forget(t.Context(), w.account, []int64{w.mini}, string(openid(1))); !errors.As(err, &pending) {
			t.Errorf("whose message is in hand: %v", err)
		}
		if _, err := w.Forget(t.Context(), w.account, []int64{w.mini}, string(openid(2))); err != nil {
			t.Fatal(err)
		}
		m := w.state(t, added[1].ID)
		if m.State != wxcast.DeliverySkipped || m.ErrCode != wxcast.ErrCodeRevoked || !m.NextAttemptAt.IsZero() ||
			strings.Contains(string(m.Recipient), string(openid(2))) {
			t.Errorf("the reminder is %+v", m)
		}
	})
}
