package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// told is one answer of the person m1 to the template T, seconds after the test began.
type told struct {
	by      string // client ID, or "" for WeChat's event
	at      int
	refused bool
}

func (w world) tell(t *testing.T, begin time.Time, all ...told) int64 {
	t.Helper()
	var reports []wxcast.PermitReport
	for _, a := range all {
		r := wxcast.PermitReport{Recipient: "m1", TemplateID: "T", Accepted: !a.refused, ID: a.by,
			Kind: wxcast.PermitOnce, Source: wxcast.PermitByEvent,
			At: begin.Add(time.Duration(a.at) * time.Second).Truncate(time.Second)}
		if a.by != "" {
			r.Source, r.At = wxcast.PermitByClient, begin.Add(time.Duration(a.at)*time.Second)
		}
		reports = append(reports, r)
	}
	left, err := w.RecordPermits(t.Context(), w.account, w.mini, reports)
	must(t, err)
	if len(left) != 1 || left[0].Recipient != "m1" {
		t.Fatalf("%+v", left)
	}
	return left[0].Messages
}

// An answer counts once, whoever tells of it, however often and in whatever order; each other
// answer counts, too.
func TestAnAnswerCountsOnce(t *testing.T) {
	event := func(at int) told { return told{"", at, false} }
	client := func(id string, at int) told { return told{id, at, false} }
	cases := map[string]struct {
		tell []told
		want int64
	}{
		"the client":                           {[]told{client("a", 0)}, 1},
		"the client twice":                     {[]told{client("a", 0), client("a", 5)}, 1},
		"WeChat twice":                         {[]told{event(0), event(0)}, 1},
		"client, then WeChat":                  {[]told{client("a", 0), event(1)}, 1},
		"WeChat, then client":                  {[]told{event(0), client("a", 1)}, 1},
		"both, both twice":                     {[]told{client("a", 0), event(1), client("a", 2), event(1)}, 1},
		"both twice, the other way":            {[]told{event(0), client("a", 1), event(0), client("a", 2)}, 1},
		"two answers, told by both":            {[]told{client("a", 0), client("b", 20), event(1), event(21)}, 2},
		"two answers, crossed":                 {[]told{event(0), event(20), client("b", 21), client("a", 1)}, 2},
		"two answers of which WeChat told one": {[]told{client("a", 0), event(1), client("b", 20)}, 1},
		"and then tells of the other":          {[]told{client("a", 0), event(1), client("b", 20), event(21)}, 2},
		"clients alone, three answers":         {[]told{client("a", 0), client("b", 9), client("c", 18)}, 3},
		"a refusal takes all away":             {[]told{event(0), event(9), {"", 20, true}}, 0},
		"an answer after it counts":            {[]told{event(0), {"", 20, true}, event(30)}, 1},
		"a refusal that is told late":          {[]told{event(0), event(30), {"", 20, true}}, 1},
		"a refusal told twice":                 {[]told{event(0), {"", 20, true}, event(30), {"", 20, true}}, 1},
		"a refusal in the same second":         {[]told{event(20), {"", 20, true}}, 0},
		"a client's refusal":                   {[]told{client("a", 0), {"b", 20, true}}, 0},
		"a client's refusal told twice": {[]told{client("a", 0), {"b", 20, true}, client("c", 30),
			{"b", 40, true}}, 1},
		"a client's refusal where WeChat tells":  {[]told{event(0), {"b", 20, true}}, 1},
		"WeChat's refusal of what a client told": {[]told{client("a", 0), {"", 20, true}}, 0},
		"an answer after a client's refusal":     {[]told{{"b", 0, true}, event(20)}, 1},
		"the next answer, which no client told":  {[]told{client("a", 0), event(1), event(5)}, 2},
		"a client's word, refused, told late by WeChat": {[]told{event(-600), client("a", 0), {"", 20, true},
			event(1)}, 0},
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w, begin, apps := newWorld(t, db), db.Now().Add(-time.Hour), 0
		another := func() {
			var err error
			w.mini, err = db.EnsureApp(t.Context(), wxcast.AppID(fmt.Sprint("wxmini", apps)), wxcast.KindMiniProgram)
			must(t, err)
			apps++
		}
		for name, c := range cases {
			another()
			if got := w.tell(t, begin, c.tell...); got != c.want {
				t.Errorf("%s, told at once: %d messages are allowed, want %d", name, got, c.want)
			}
			another()
			var got int64
			for _, a := range c.tell {
				got = w.tell(t, begin, a)
			}
			if got != c.want {
				t.Errorf("%s, told one by one: %d messages are allowed, want %d", name, got, c.want)
			}
		}
	})
}

// A ledger that was kept elsewhere is the truth about those whom it names.
func TestALedgerIsImported(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorldOf(t, db, "wxaccount", "wxmini") // without neighbours: they go, too
		balances := func(from, to int, n int64) (all []wxcast.PermitBalance) {
			for i := from; i <= to; i++ {
				all = append(all, wxcast.PermitBalance{TemplateID: "T",
					Recipient: wxcast.Recipient(fmt.Sprintf("m%04d", i)), Messages: n})
			}
			return all
		}
		set := func(want string, all []wxcast.PermitBalance) {
			t.Helper()
			inserted, updated, err := w.SetPermits(t.Context(), w.account, w.mini, all)
			if got := fmt.Sprint(inserted, " ", updated); err != nil || got != want {
				t.Errorf("%s inserted and updated (%v), want %s", got, err, want)
			}
		}
		set("1000 0", balances(1, 1000, 2))
		set("0 0", balances(1, 1000, 2))
		set("200 100", append(balances(901, 1000, 3), balances(1001, 1200, 1)...))
		counts, err := w.PermitCounts(t.Context(), w.account, w.mini)
		if err != nil || len(counts) != 1 || counts[0].People != 1200 || counts[0].Permits != 1800+300+200 {
			t.Errorf("%+v %v, want 1,200 people with 2,300 messages", counts, err)
		}
		var exported []wxcast.PermitBalance
		after := wxcast.PermitBalance{}
		for {
			page, err := w.PermitBalances(t.Context(), w.account, w.mini, after, 500)
			must(t, err)
			if len(page) == 0 {
				break
			}
			exported, after = append(exported, page...), page[len(page)-1]
		}
		if len(exported) != 1200 || exported[950].Messages != 3 {
			t.Errorf("%d people are exported", len(exported))
		}
		set("0 0", exported)
		set("1 0", []wxcast.PermitBalance{{TemplateID: "T", Recipient: "unheard of", Messages: 0}})
		set("0 1", []wxcast.PermitBalance{{TemplateID: "T", Recipient: "m0001", Messages: 0}})
		// Used ones go after a while; others lapse only where they are to.
		w.PretendLater(30 * 24 * time.Hour)
		_, err = w.KeepHouse(t.Context(), w.account, wxcast.Retention{})
		must(t, err)
		if counts, _ = w.PermitCounts(t.Context(), w.account, w.mini); counts[0].People != 1199 {
			t.Errorf("%+v, want 1,199 people still", counts)
		}
		_, err = w.KeepHouse(t.Context(), w.account, wxcast.Retention{Permits: 7 * 24 * time.Hour})
		must(t, err)
		if counts, _ = w.PermitCounts(t.Context(), w.account, w.mini); len(counts) != 0 {
			t.Errorf("%+v are left of permits that lapse after a week", counts)
		}
	})
}

// What is imported is no answer that client or WeChat tells of: theirs come to it. It ends what a
// client's word was good for before.
func TestAnswersComeToAnImportedLedger(t *testing.T) {
	event := func(at int) told { return told{"", at, false} }
	client := func(id string, at int) told { return told{id, at, false} }
	for name, test := range map[string]struct {
		before, after []told
		want          int64
	}{
		"WeChat's":                           {nil, []told{event(1)}, 3},
		"a client's":                         {nil, []told{client("a", 1)}, 3},
		"a client's word from before, by it": {[]told{event(-600), client("a", 0)}, []told{event(1)}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				w := newWorld(t, db)
				begin := w.Now()
				if len(test.before) > 0 {
					w.tell(t, begin, test.before...)
				}
				w.permit(t, map[wxcast.Recipient]int64{"m1": 2})
				if got := w.tell(t, begin, test.after...); got != test.want {
					t.Errorf("%d messages are allowed, want %d", got, test.want)
				}
			})
		})
	}
}

// An answer that counts is told once, whoever tells of it first.
func TestAnAnswerIsToldOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		begin := w.Now().Add(-30 * time.Second)
		for _, step := range []struct {
			name string
			tell told
			want []string // types of events
		}{
			{"a client's word", told{"a", 0, false}, []string{"permit.granted"}},
			{"WeChat's of the same", told{"", 1, false}, nil},
			{"a client's where WeChat tells", told{"b", 10, false}, nil},
			{"a client's refusal", told{"c", 20, true}, []string{"permit.refused"}},
			{"WeChat's answer, which was a hint", told{"", 11, false}, []string{"permit.granted"}},
		} {
			var got []string
			for _, e := range w.newEvents(t, func() { w.tell(t, begin, step.tell) }) {
				kind, _, _ := strings.Cut(e, " ")
				got = append(got, kind)
			}
			if !slices.Equal(got, step.want) {
				t.Errorf("%s: %v is told, want %v", step.name, got, step.want)
			}
		}
	})
}

// Client and WeChat tell of one answer within minutes: what is further apart are two.
func TestAnswersFarApartAreTwo(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		begin := w.Now().Add(-time.Hour)
		w.tell(t, begin, told{"a", 0, false})
		if got := w.tell(t, begin, told{"", 600, false}); got != 2 {
			t.Errorf("%d messages are allowed after two answers, want 2", got)
		}
	})
}

// What WeChat tells of one mini program's consents says nothing of another's: there a client's word
// counts as before. A template's kind is its own, and the counts are one app's.
func TestEachAppHasItsOwnConsents(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w, begin := newWorld(t, db), db.Now().Add(-time.Hour)
		first := w
		w.tell(t, begin, told{"", 0, false})
		var err error
		w.mini, err = db.EnsureApp(t.Context(), "wxmini2", wxcast.KindMiniProgram)
		must(t, err)
		if left := w.tell(t, begin, told{"a", 0, false}); left != 1 {
			t.Errorf("%d left by a client's word where WeChat tells nothing, want 1", left)
		}
		must(t, first.SetPermitKind(t.Context(), w.account, first.mini, "T", wxcast.PermitLongTerm))
		must(t, first.SetPermitKind(t.Context(), w.account, first.mini, "OTHER", wxcast.PermitLimited))
		for mini, want := range map[int64][]wxcast.PermitCount{
			first.mini: {{TemplateID: "T", Kind: wxcast.PermitLongTerm, People: 1, Permits: 1}},
			w.mini:     {{TemplateID: "T", Kind: wxcast.PermitOnce, People: 1, Permits: 1}},
		} {
			counts, err := w.PermitCounts(t.Context(), w.account, mini)
			if must(t, err); !slices.Equal(counts, want) {
				t.Errorf("%+v, want %+v", counts, want)
			}
		}
		w.tell(t, begin, told{"b", 20, true})
		if counts, err := w.PermitCounts(t.Context(), w.account, w.mini); err != nil || len(counts) > 0 {
			t.Errorf("%+v %v after the refusal, want nobody", counts, err)
		}
	})
}

// A consent that was used is kept for a while, to know it again when it is told again.
func TestAUsedConsentIsKnownAgain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.people(t)
		tell := func() int64 {
			left, err := w.RecordPermits(t.Context(), w.account, w.mini, []wxcast.PermitReport{{Recipient: "m000004",
				TemplateID: "T", Accepted: true, ID: "a", Kind: wxcast.PermitOnce, Source: wxcast.PermitByClient,
				At: w.Now().Add(-time.Minute)}})
			must(t, err)
			return left[0].Messages
		}
		tell()
		if c := w.take(t, w.by(t, "b", consent), consent, "w", time.Minute); len(c.Fresh) != 1 {
			t.Fatalf("%+v, want the one who consented", c)
		}
		w.PretendLater(time.Hour)
		_, err := w.KeepHouse(t.Context(), w.account, wxcast.Retention{})
		must(t, err)
		if left := tell(); left != 0 {
			t.Errorf("%d left when the used consent is told again, want none", left)
		}
	})
}

// Balances come page by page, in order, each once.
func TestBalancesComePageByPage(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.permit(t, map[wxcast.Recipient]int64{"m000001": 1, "m000002": 2, "m000003": 3})
		var after wxcast.PermitBalance
		var got []wxcast.Recipient
		for range 5 {
			page, err := w.PermitBalances(t.Context(), w.account, w.mini, after, 1)
			if must(t, err); len(page) == 0 {
				break
			}
			after = page[0]
			got = append(got, after.Recipient)
		}
		if want := []wxcast.Recipient{"m000001", "m000002", "m000003"}; !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	})
}
