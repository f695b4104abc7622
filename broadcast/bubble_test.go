package broadcast_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wxcast/wxcast/broadcast"
	"github.com/wxcast/wxcast/broadcast/template"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// bubble is an account in time that passes only while everybody waits: what takes a night
// takes a moment, and comes out the same on any machine. The store is real; WeChat is a
// function, because a connection does not wait in a bubble. Postgres needs connections:
// the store's own tests move its clock on instead.
type bubble struct {
	holdout float64 // of the broadcasts that are added
	*store.DB
	account, mini int64
	options       broadcast.Options
	limit         int64 // of messages a Beijing day

	mu    sync.Mutex
	calls []call
	// answer is what WeChat says to a call; nil for always yes.
	answer func(c call) error
	// offWhitelist is the address that WeChat refuses from all calls; "" for none.
	offWhitelist string
	took         map[wxcast.Recipient]bool
}

// call is one message on its way to WeChat.
type call struct {
	to      wxcast.Recipient
	at      time.Time
	attempt int // from 1
}

const latency = 20 * time.Millisecond

// inTime runs a test in a bubble, with so many followers. It begins at 2000-01-01 08:00 in
// Beijing.
func inTime(t *testing.T, followers int, test func(t *testing.T, b *bubble)) {
	url := storetest.SQLiteURL(t)
	synctest.Test(t, func(t *testing.T) {
		db, err := store.Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		b := &bubble{DB: db, limit: 1e6, took: map[wxcast.Recipient]bool{}, options: broadcast.Options{
			Rate: 10, Concurrency: 8, MaxFailures: 50, MaxFailedShare: 0.5, Log: slog.New(slog.DiscardHandler),
		}}
		if b.account, err = db.EnsureApp(t.Context(), "wxaccount", wxcast.KindOfficialAccount); err != nil {
			t.Fatal(err)
		}
		if b.mini, err = db.EnsureApp(t.Context(), "wxmini", wxcast.KindMiniProgram); err != nil {
			t.Fatal(err)
		}
		people := make([]wxcast.Follower, followers)
		for i := range people {
			people[i] = wxcast.Follower{OpenID: wxcast.OpenID(fmt.Sprintf("o%06d", i)), Subscribed: true}
		}
		if err := db.Follow(t.Context(), b.account, people, db.Now()); err != nil {
			t.Fatal(err)
		}
		test(t, b)
	})
}

func (*bubble) Facts() wxcast.Channel { return template.Facts }
func (*bubble) Profile() bool         { return false }

func (b *bubble) Send(ctx context.Context, d *wxcast.Delivery) (int64, error) {
	b.mu.Lock()
	c := call{d.Recipient, time.Now(), d.Attempts + 1}
	b.calls = append(b.calls, c)
	answer, refused := b.answer, b.refusedIP()
	b.mu.Unlock()
	select {
	case <-time.After(latency):
	case <-ctx.Done():
		return 0, &wechat.Error{Err: ctx.Err(), MaybeDone: true}
	}
	if refused != nil {
		return 0, refused
	}
	if answer != nil {
		if err := answer(c); err != nil {
			return 0, err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.took[d.Recipient] = true
	return int64(len(b.took)), nil
}

func (b *bubble) BatchGetUsers(context.Context, []wxcast.OpenID) ([]wxcast.Follower, wechat.DetailCalls, error) {
	return nil, wechat.DetailCalls{}, nil
}

func (b *bubble) GetQuota(_ context.Context, api string) (wxcast.Quota, error) {
	b.mu.Lock()
	q, refused := wxcast.Quota{API: api, Limit: b.limit}, b.refusedIP()
	b.mu.Unlock()
	if refused != nil {
		return q, refused
	}
	for _, c := range b.sent() {
		if wxcast.DayOf(c.at) == wxcast.DayOf(time.Now()) {
			q.Used++
		}
	}
	return q, nil
}

// refusedIP is what WeChat answers to an address off the whitelist. It runs with b.mu held.
func (b *bubble) refusedIP() error {
	if b.offWhitelist == "" {
		return nil
	}
	return &wechat.Error{ErrCode: 40164, ErrMsg: "invalid ip " + b.offWhitelist + " ipv6 ::ffff:" + b.offWhitelist +
		", not in whitelist rid: 1"}
}

// whitelist makes WeChat refuse an address; "" for none.
func (b *bubble) whitelist(refused string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.offWhitelist = refused
}

// sent are the calls so far.
func (b *bubble) sent() []call {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]call(nil), b.calls...)
}

// fails makes WeChat answer so.
func (b *bubble) fails(answer func(c call) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answer = answer
}

func (b *bubble) add(t *testing.T, name string) wxcast.Broadcast {
	t.Helper()
	job, added, err := b.AddBroadcast(t.Context(), wxcast.Broadcast{
		AccountID: b.account, MiniID: b.mini, Name: name, ContentHash: name, MessageKey: name,
		Channels: []wxcast.BroadcastChannel{{Name: template.Name, Lane: b.lane(), TemplateID: "TPL_ID"}},
		State:    wxcast.BroadcastRunning, Rate: b.options.Rate, CanaryShare: b.options.Canary.Share,
		Audience: wxcast.Audience{Holdout: b.holdout},
	})
	if err != nil || !added {
		t.Fatal(added, err)
	}
	return job
}

func (b *bubble) lane() wxcast.Lane { return wxcast.Lane{AppID: b.account, API: template.Facts.API} }

// run works on a broadcast as one process does, and wants it in a state.
func (b *bubble) run(t *testing.T, job wxcast.Broadcast, want wxcast.BroadcastState) wxcast.Broadcast {
	t.Helper()
	after, err := broadcast.Run(t.Context(), b.DB, job, []broadcast.With{{Channel: b, Platform: b}}, b.options)
	if err != nil || after.State != want {
		t.Fatalf("the broadcast is %s (%v, %v), want %s", after.State, after.Reason, err, want)
	}
	return after
}

func (b *bubble) count(t *testing.T, job wxcast.Broadcast) wxcast.Tally {
	t.Helper()
	tally, err := b.Tally(t.Context(), job.Ref())
	if err != nil {
		t.Fatal(err)
	}
	return tally
}

// perSecond are the calls in each second since the first.
func perSecond(calls []call) (n []int) {
	for _, c := range calls {
		at := int(c.at.Sub(calls[0].at) / time.Second)
		for len(n) <= at {
			n = append(n, 0)
		}
		n[at]++
	}
	return n
}

func refused(code int) error { return &wechat.Error{ErrCode: code, ErrMsg: "refused"} }

func lost() error { return &wechat.Error{Err: context.DeadlineExceeded, MaybeDone: true} }
