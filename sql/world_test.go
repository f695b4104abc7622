package store_test

import (
	"context"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
)

// world is one account with one mini program on a fresh store.
type world struct {
	*store.DB
	account, mini int64
}

func newWorld(t testing.TB, db *store.DB) world {
	t.Helper()
	w := newWorldOf(t, db, "wxaccount", "wxmini")
	w.leaveAlone(t)
	return w
}

// newWorldOf is newWorld with other apps, for several worlds on one store.
func newWorldOf(t testing.TB, db *store.DB, appid, miniAppID wxcast.AppID) world {
	t.Helper()
	// It is noon in Beijing: a quota is of one day, and no test's outcome may hang on midnight.
	now := db.Now().In(wxcast.Beijing)
	noon := time.Date(now.Year(), now.Month(), now.Day(), 12, 0, 0, 0, wxcast.Beijing)
	db.PretendLater((noon.Sub(now) + 24*time.Hour) % (24 * time.Hour))
	account, err := db.EnsureApp(t.Context(), appid, wxcast.KindOfficialAccount)
	must(t, err)
	mini, err := db.EnsureApp(t.Context(), miniAppID, wxcast.KindMiniProgram)
	must(t, err)
	return world{db, account, mini}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// recordAll writes outcomes that are not the last.
func (w world) recordAll(ctx context.Context, r wxcast.Recording) error {
	_, err := w.RecordOutcomes(ctx, r)
	return err
}

func openid(i int) wxcast.OpenID   { return wxcast.OpenID(fmt.Sprintf("o%06d", i)) }
func unionid(i int) wxcast.UnionID { return wxcast.UnionID(fmt.Sprintf("u%06d", i)) }

// sendAPI is what the broadcasts of these tests send by: the store knows no API by name.
const sendAPI = "/cgi-bin/any/send"

// anyChannel is a channel that WeChat takes repeats of.
var anyChannel = wxcast.Channel{Name: "any", API: sendAPI, App: wxcast.KindOfficialAccount, DedupWindow: 10 * time.Minute}

func (w world) lane() wxcast.Lane { return wxcast.Lane{AppID: w.account, API: sendAPI} }

// told stores an answer of WeChat's about the quota.
func (w world) told(t testing.TB, day wxcast.Day, q wxcast.Quota) {
	t.Helper()
	answer := func(context.Context, string) (wxcast.Quota, error) { return q, nil }
	_, err := w.ReadQuota(t.Context(), w.lane(), day, answer)
	must(t, err)
}

func (w world) toldOf(t testing.TB, lane wxcast.Lane, q wxcast.Quota) {
	t.Helper()
	answer := func(context.Context, string) (wxcast.Quota, error) { return q, nil }
	_, err := w.ReadQuota(t.Context(), lane, wxcast.DayOf(w.Now()), answer)
	must(t, err)
}

// channels are one of the store's tests' own.
func (w world) channels() []wxcast.BroadcastChannel {
	return []wxcast.BroadcastChannel{{Name: "any", Lane: w.lane(), TemplateID: "TPL_ID"}}
}

// follow stores followers 1 to n with unionids.
func (w world) follow(t testing.TB, n int) {
	t.Helper()
	run, _, err := w.OpenSyncRun(t.Context(), w.account, wxcast.SyncFull, time.Hour)
	must(t, err)
	var followers []wxcast.Follower
	for i := 1; i <= n; i++ {
		followers = append(followers, wxcast.Follower{OpenID: openid(i), UnionID: unionid(i),
			SubscribeTime: time.Unix(1700000000, 0), Tags: []int{2}})
	}
	_, err = w.StoreFollowers(t.Context(), run,
		wxcast.Told{AskedAt: w.Now(), Followers: followers}, wxcast.SyncProgress{New: int64(n)})
	must(t, err)
	must(t, w.FinishSyncRun(t.Context(), run, "done", true))
}

func miniUsers(from, to int) iter.Seq2[wxcast.MiniUser, error] {
	return func(yield func(wxcast.MiniUser, error) bool) {
		for i := from; i <= to; i++ {
			if !yield(wxcast.MiniUser{MiniOpenID: wxcast.MiniOpenID(fmt.Sprintf("m%06d", i)), UnionID: unionid(i)},
				nil) {
				return
			}
		}
	}
}

func bridged(mini int64) wxcast.Audience {
	yes := true
	return wxcast.Audience{MiniID: mini, Bridged: &yes}
}

// broadcastTo makes a running broadcast to n bridged followers, its recipients fixed.
func (w world) broadcastTo(t testing.TB, n int) wxcast.Broadcast {
	t.Helper()
	w.follow(t, n)
	_, err := w.ImportMiniUsers(t.Context(), w.account, w.mini, miniUsers(1, n), wxcast.ImportMode{})
	must(t, err)
	_, _, err = w.Join(t.Context(), w.account, w.mini)
	must(t, err)
	b, _, err := w.AddBroadcast(t.Context(), wxcast.Broadcast{AccountID: w.account, Channels: w.channels(),
		MiniID: w.mini, Name: "b", ContentHash: "h", MessageKey: "k", State: wxcast.BroadcastRunning,
		Audience: bridged(w.mini), Rate: 1e6})
	must(t, err)
	for fixed := false; !fixed; {
		_, fixed, err = w.FixRecipients(t.Context(), b.Ref(), 7)
		must(t, err)
	}
	w.told(t, wxcast.DayOf(w.Now()), wxcast.Quota{Limit: 1000})
	return b
}

// next adds a running broadcast to the same people, its recipients fixed, after b has ended.
func (w world) next(t testing.TB, b wxcast.Broadcast, name, templateID string) wxcast.Broadcast {
	t.Helper()
	if _, err := w.MoveBroadcast(t.Context(), b.Ref(),
		wxcast.Move{From: wxcast.BroadcastRunning, To: wxcast.BroadcastDone}); err != nil {
		t.Fatal(err)
	}
	channels := w.channels()
	channels[0].TemplateID = templateID
	next := w.add(t, name, bridged(w.mini), channels...)
	w.fix(t, next)
	return next
}

// add adds a running broadcast.
func (w world) add(t testing.TB, name string, to wxcast.Audience,
	channels ...wxcast.BroadcastChannel) wxcast.Broadcast {
	t.Helper()
	if len(channels) == 0 {
		channels = w.channels()
	}
	b, _, err := w.AddBroadcast(t.Context(), wxcast.Broadcast{
		AccountID: w.account, MiniID: w.mini, Channels: channels, Name: name, ContentHash: "h", MessageKey: name,
		State: wxcast.BroadcastRunning, Audience: to, Rate: 1e6,
	})
	must(t, err)
	return b
}

// cancel cancels a broadcast that runs.
func (w world) cancel(t testing.TB, b wxcast.Broadcast) {
	t.Helper()
	moved, err := w.MoveBroadcast(t.Context(), b.Ref(), wxcast.Move{From: wxcast.BroadcastRunning,
		To: wxcast.BroadcastCancelled})
	if must(t, err); !moved {
		t.Fatal("the broadcast was not running")
	}
}

// fix fixes a broadcast's recipients.
func (w world) fix(t testing.TB, b wxcast.Broadcast) {
	t.Helper()
	for fixed := false; !fixed; {
		var err error
		_, fixed, err = w.FixRecipients(t.Context(), b.Ref(), 100)
		must(t, err)
	}
}

func (w world) claim(t testing.TB, b wxcast.Broadcast, worker string, n int, ttl time.Duration) wxcast.Claim {
	t.Helper()
	c, err := w.Claim(t.Context(), wxcast.ClaimRequest{Broadcast: b.Ref(), Channel: anyChannel,
		Lane: wxcast.Lane{AppID: b.AccountID, API: sendAPI}, Worker: worker, Max: n, Span: time.Hour, Ahead: time.Hour,
		LeaseTTL: ttl,
		Profile:  true})
	must(t, err)
	return c
}

func (w world) record(t testing.TB, b wxcast.Broadcast, worker string, state wxcast.DeliveryState,
	deliveries []wxcast.Delivery, leases ...int64) {
	t.Helper()
	var outcomes []wxcast.Outcome
	for _, d := range deliveries {
		o := wxcast.Outcome{Recipient: d.Recipient, Message: d.Message, State: state, AttemptedAt: w.Now()}
		if state == wxcast.DeliverySent {
			o.MsgID = 1<<53 + 1
		} else {
			o.ErrCode = 43004
		}
		outcomes = append(outcomes, o)
	}
	must(t, w.recordAll(t.Context(), wxcast.Recording{Channel: anyChannel, Broadcast: b.Ref(), Worker: worker,
		Lane: w.lane(), Outcomes: outcomes, DoneLeases: leases}))
}

func (w world) tally(t testing.TB, b wxcast.Broadcast) wxcast.Tally {
	t.Helper()
	tally, err := w.Tally(t.Context(), b.Ref())
	must(t, err)
	return tally
}
