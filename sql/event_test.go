package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// events reads all events after a number as "type data".
func (w world) events(t testing.TB, after int64) []string {
	t.Helper()
	events, upTo, err := w.Events(t.Context(), w.account, after, nil, 1000)
	must(t, err)
	if upTo != after+int64(len(events)) {
		t.Errorf("after %d events behind %d the next is asked for after %d", len(events), after, upTo)
	}
	all := make([]string, len(events))
	for i, e := range events {
		if e.Seq != after+int64(i)+1 {
			t.Errorf("event %d has the number %d", after+int64(i)+1, e.Seq)
		}
		if apart := w.Now().Sub(e.At); apart < -time.Second || apart > time.Minute {
			t.Errorf("%s happened at %s", e.Type, e.At)
		}
		all[i] = e.Type + " " + string(e.Data)
	}
	return all
}

// newEvents are those that something brings about.
func (w world) newEvents(t testing.TB, do func()) []string {
	t.Helper()
	ends, err := w.EventEnds(t.Context(), w.account)
	must(t, err)
	do()
	return w.events(t, ends.Last)
}

func TestWhatHappensIsTold(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		b := w.broadcastTo(t, 4)
		claim, err := w.Claim(t.Context(), wxcast.ClaimRequest{Broadcast: b.Ref(), Channel: anyChannel, Lane: w.lane(),
			Worker: "w", Max: 10, Span: time.Hour, LeaseTTL: time.Minute})
		must(t, err)
		outcome := func(i int, state wxcast.DeliveryState, msgid int64, code int) wxcast.Outcome {
			return wxcast.Outcome{Recipient: wxcast.Recipient(openid(i)), State: state, MsgID: msgid, ErrCode: code,
				AttemptedAt: w.Now()}
		}
		record := func(outcomes ...wxcast.Outcome) func() {
			return func() {
				must(t, w.recordAll(t.Context(), wxcast.Recording{Broadcast: b.Ref(), Worker: "w",
					Channel: anyChannel, Lane: w.lane(), Outcomes: outcomes}))
			}
		}
		receipt := func(i int, msgid int64, status string) func() {
			return func() {
				must(t, w.RecordReceipts(t.Context(), w.account, anyChannel, w.lane(),
					[]wxcast.Receipt{{OpenID: openid(i), MsgID: msgid, Status: status, At: w.Now()}}))
			}
		}
		if len(claim.Fresh) != 4 {
			t.Fatalf("claimed %d", len(claim.Fresh))
		}
		of := fmt.Sprintf(`"broadcast":%d,"channel":"any"`, b.ID)
		retry := outcome(3, wxcast.DeliveryPending, 0, 45009)
		retry.NextAttemptAt, retry.Hold.LeaseID = w.Now(), claim.LeaseID
		for _, one := range []struct {
			name string
			do   func()
			want []string
		}{
			{"outcomes", record(outcome(1, wxcast.DeliverySent, 1<<62, 0), outcome(2, wxcast.DeliveryFailed, 0, 43004),
				retry),
				[]string{`delivery.sent {"recipient":"o000001","msgid":"4611686018427387904",` + of + `}`,
					`delivery.failed {"recipient":"o000002",` + of + `,"errcode":43004}`}},
			{"a failure after the message was accepted is none", record(outcome(1, wxcast.DeliveryFailed, 0, 43004)),
				nil},
			{"a receipt", receipt(1, 1<<62, "success"), []string{
				`delivery.receipt {"recipient":"o000001","msgid":"4611686018427387904","receipt":"success",` + of + `}`}},
			{"a receipt of a message that is not known yet", receipt(3, 77, "failed:user block"), nil},
			{"that message", record(outcome(3, wxcast.DeliverySent, 77, 0)), []string{
				`delivery.sent {"recipient":"o000003","msgid":"77",` + of + `}`,
				`delivery.receipt {"recipient":"o000003","msgid":"77","receipt":"failed:user block",` + of + `}`}},
			{"opt-outs", func() {
				_, _, err := w.AddOptOuts(t.Context(), w.account, []string{"u000001", "o000001", "o000002"}, "import")
				must(t, err)
				_, err = w.RemoveOptOuts(t.Context(), w.account, []string{"u000002"})
				must(t, err)
			}, []string{`optout.added {"id":"o000001","source":"import"}`,
				`optout.added {"id":"o000002","source":"import"}`, `optout.removed {"id":"o000002"}`}},
			{"people who come and go", func() {
				_, err := w.Unfollow(t.Context(), w.account, []wxcast.OpenID{openid(4), "onobody"}, w.Now())
				must(t, err)
				must(t, w.Follow(t.Context(), w.account, []wxcast.Follower{{OpenID: openid(4), UnionID: unionid(4)},
					{OpenID: openid(3), UnionID: unionid(3)}, {OpenID: "onew"}}, w.Now().Add(time.Second)))
			}, []string{`follower.unfollowed {"openid":"o000004","unionid":"u000004"}`,
				`follower.followed {"openid":"o000004","unionid":"u000004"}`, `follower.followed {"openid":"onew"}`}},
			{"consents", func() {
				for range 2 { // told twice
					_, err := w.RecordPermits(t.Context(), w.account, w.mini, []wxcast.PermitReport{
						{TemplateID: "T", Recipient: "m000001", Accepted: true, Source: wxcast.PermitByClient, ID: "a",
							At: w.Now(), Kind: wxcast.PermitOnce},
						{TemplateID: "T", Recipient: "m000002", Source: wxcast.PermitByClient, ID: "b", At: w.Now(),
							Kind: wxcast.PermitOnce}})
					must(t, err)
				}
			}, []string{`permit.granted {"template_id":"T","recipient":"m000001","source":"client"}`,
				`permit.refused {"template_id":"T","recipient":"m000002","source":"client"}`}},
			{"a broadcast that pauses", func() {
				for range 2 { // the second time in vain
					_, err := w.MoveBroadcast(t.Context(), b.Ref(), wxcast.Move{From: wxcast.BroadcastRunning,
						To: wxcast.BroadcastPaused, Reason: wxcast.Say("pause.by_hand")})
					must(t, err)
				}
			}, []string{fmt.Sprintf(`broadcast.paused {"broadcast":%d,"name":"b","reason":"pause.by_hand"}`, b.ID)}},
			{"a report", func() {
				for range 2 {
					must(t, w.RaiseNotice(t.Context(), w.account, wxcast.Notice{Key: wxcast.ReportKey("2026-11-29"),
						Kind: wxcast.NoticeReport, Title: wxcast.Say("x"), Body: wxcast.Say("x")}))
				}
			}, []string{`report.done {"day":"2026-11-29"}`}},
		} {
			if got := w.newEvents(t, one.do); !slices.Equal(got, one.want) {
				t.Errorf("%s:\n%s\nwant\n%s", one.name, strings.Join(got, "\n"), strings.Join(one.want, "\n"))
			}
		}
		all := w.events(t, 0)
		if all[0] != `sync.done {"run":1,"mode":"full"}` ||
			all[1] != fmt.Sprintf(`broadcast.running {"broadcast":%d,"name":"b"}`, b.ID) {
			t.Errorf("it began with %v", all[:2])
		}
	})
}

func TestMessagesAreToldByTheirKeys(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.people(t)
		b := w.day(t, "m")
		added := w.addMessages(t, w.message(b, 1, "order-1"), w.message(b, 2, ""))
		got := w.newEvents(t, func() {
			for _, a := range added {
				_, err := w.RevokeMessage(t.Context(), w.account, a.ID)
				must(t, err)
			}
		})
		want := []string{
			fmt.Sprintf(`message.skipped {"id":%d,"recipient":"o000001","channel":"any","errcode":-1010,"key":"order-1"}`, added[0].ID),
			fmt.Sprintf(`message.skipped {"id":%d,"recipient":"o000002","channel":"any","errcode":-1010}`, added[1].ID)}
		if !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	})
}

// However writers overlap, a reader who goes on behind the last event it saw misses none and
// sees none twice.
func TestAReaderOfEventsMissesNone(t *testing.T) {
	const writers, each = 8, 40
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		var writing sync.WaitGroup
		for i := range writers {
			writing.Go(func() {
				for j := range each {
					ids := []string{fmt.Sprintf("x%d-%d-a", i, j), fmt.Sprintf("x%d-%d-b", i, j)}
					if _, _, err := w.AddOptOuts(t.Context(), w.account, ids, "import"); err != nil {
						t.Error(err)
					}
				}
			})
		}
		seen := map[string]int{}
		var mu sync.Mutex
		var reading sync.WaitGroup
		const readers = 3
		for range readers {
			reading.Go(func() {
				var after int64
				for deadline := time.Now().Add(time.Minute); after < 2*writers*each; {
					events, _, err := w.Events(t.Context(), w.account, after, nil, 50)
					if err != nil || time.Now().After(deadline) {
						t.Errorf("after %d: %v", after, err)
						return
					}
					mu.Lock()
					for _, e := range events {
						if after++; e.Seq != after {
							t.Errorf("the event %d comes as number %d", e.Seq, after)
						}
						seen[string(e.Data)]++
					}
					mu.Unlock()
				}
			})
		}
		writing.Wait()
		reading.Wait()
		if len(seen) != 2*writers*each {
			t.Errorf("%d were seen", len(seen))
		}
		for event, times := range seen {
			if times != readers {
				t.Errorf("%s was seen %d times", event, times)
			}
		}
	})
}

// Who is known by a short id is forgotten, and nothing else is changed that holds it.
func TestForgettingAShortIDLeavesOthersEvents(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		for _, id := range []string{"17", "id", "o-17-x", "import"} {
			_, _, err := w.AddOptOuts(t.Context(), w.account, []string{id}, "import")
			must(t, err)
		}
		_, err := w.AddVisit(t.Context(), w.account, wxcast.Visit{BroadcastID: 171717, Recipient: "o-17-y",
			MiniOpenID: "m", At: w.Now()})
		must(t, err)
		before := w.events(t, 0)
		for _, id := range []string{"17", "id"} {
			_, err := w.Forget(t.Context(), w.account, []int64{w.mini}, id)
			must(t, err)
		}
		after := w.events(t, 0)
		for i, event := range after {
			switch gone := i < 2; {
			case gone && !strings.HasPrefix(event, `optout.added {"id":"forgotten-`):
				t.Errorf("%s was forgotten and is %s", before[i], event)
			case !gone && event != before[i]:
				t.Errorf("%s has become %s", before[i], event)
			}
		}
	})
}

func TestEventsThatAreNotKeptAreTold(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		optOut := func(ids ...string) {
			_, _, err := w.AddOptOuts(t.Context(), w.account, ids, "import")
			must(t, err)
		}
		gone := func(after int64, first, last int64) {
			t.Helper()
			var e *wxcast.EventsGoneError
			_, _, err := w.Events(t.Context(), w.account, after, nil, 10)
			if !errors.As(err, &e) || e.BeforeFirst != first || e.Last != last {
				t.Errorf("after %d: %v", after, err)
			}
		}
		if got := w.events(t, 0); len(got) != 0 {
			t.Errorf("%v", got)
		}
		gone(1, 0, 0)
		optOut("a", "b", "c")
		if got := w.events(t, 1); len(got) != 2 {
			t.Errorf("from the middle of a row: %v", got)
		}
		some, upTo, err := w.Events(t.Context(), w.account, store.FirstEvent, wxcast.EventTypesOf("message"), 10)
		if err != nil || len(some) != 0 || upTo != 3 {
			t.Errorf("events of messages: %v up to %d, %v", some, upTo, err)
		}
		if some, _, err = w.Events(t.Context(), w.account, 0, wxcast.EventTypesOf("optout.*"), 1); len(some) != 3 {
			t.Errorf("of opt-outs %v, %v; want the whole row", some, err)
		}
		w.PretendLater(8 * 24 * time.Hour)
		_, err = w.KeepHouse(t.Context(), w.account, wxcast.Retention{Events: 7 * 24 * time.Hour})
		must(t, err)
		gone(0, 3, 3)
		gone(4, 3, 3)
		if got := w.events(t, 3); len(got) != 0 {
			t.Errorf("%v", got)
		}
		optOut("d")
		gone(2, 3, 4)
		if got := w.events(t, 3); len(got) != 1 {
			t.Errorf("numbers go on: %v", got)
		}
	})
}

// Who looks at the webhooks waits for nobody's lock, and begins nothing: how much is waiting is
// counted, with what has no number yet.
func TestLookingAtAWebhookChangesNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		see := func(name string) (wxcast.Webhook, int64) {
			t.Helper()
			hook, behind, err := w.SeenWebhook(t.Context(), w.account, name, 100)
			must(t, err)
			return hook, behind
		}
		if hook, behind := see("shop"); hook.Seq != 0 || behind != 0 {
			t.Errorf("a webhook that has not begun: after %d, %d behind; want 0 and 0", hook.Seq, behind)
		}
		begun, err := w.Webhook(t.Context(), w.account, "shop")
		must(t, err)
		_, _, err = w.AddOptOuts(t.Context(), w.account, []string{string(openid(1))}, "asked")
		must(t, err)
		if hook, behind := see("shop"); hook.Seq != begun.Seq || behind != 1 {
			t.Errorf("after an event that has no number: after %d, %d behind; want %d and 1", hook.Seq, behind, begun.Seq)
		}
		if hook, behind := see("other"); hook.Seq != begun.Seq || behind != 0 {
			t.Errorf("one that has not begun: after %d, %d behind; want %d, and 0: it gets what happens next", hook.Seq,
				behind, begun.Seq)
		}
		_, err = w.EventEnds(t.Context(), w.account) // it gets its number
		must(t, err)
		if _, behind := see("shop"); behind != 1 {
			t.Errorf("after an event that has one: %d behind, want 1", behind)
		}
	})
}
