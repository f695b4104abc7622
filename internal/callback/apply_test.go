package callback_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wxcast/wxcast/broadcast/template"
	"github.com/wxcast/wxcast/internal/callback"
	"github.com/wxcast/wxcast/internal/metrics"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// oddStore refuses what is about one person, as a database refuses a value.
type oddStore struct {
	*store.DB
	mu     sync.Mutex
	alerts []string
	waits  []time.Duration
}

var errRefused = errors.New("value out of range")

func (s *oddStore) RecordReceipts(ctx context.Context, account int64, channel wxcast.Channel, lane wxcast.Lane,
	all []wxcast.Receipt) error {
	if slices.ContainsFunc(all, func(r wxcast.Receipt) bool { return r.OpenID == "odd" }) {
		return errRefused
	}
	return s.DB.RecordReceipts(ctx, account, channel, lane, all)
}

// PendingCallbacks are as if each had been tried a dozen times before.
func (s *oddStore) PendingCallbacks(ctx context.Context, account int64, limit int) ([]wxcast.CallbackEvent, error) {
	events, err := s.DB.PendingCallbacks(ctx, account, limit)
	for i := range events {
		events[i].Tries += 12
	}
	return events, err
}

// DeferCallbacks notes how long they wait, and lets them wait no time.
func (s *oddStore) DeferCallbacks(ctx context.Context, account int64, ids []int64, wait time.Duration) error {
	s.mu.Lock()
	s.waits = append(s.waits, wait)
	s.mu.Unlock()
	return s.DB.DeferCallbacks(ctx, account, ids, 0)
}

func (s *oddStore) RaiseNotice(_ context.Context, _ int64, n wxcast.Notice) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.alerts = append(s.alerts, n.Key)
	return nil
}

// An event that cannot be applied holds up no other: it is tried again, later and later, and
// set aside in the end, with an alert.
func TestAnEventThatCannotBeAppliedIsSetAside(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		account, err := db.EnsureApp(t.Context(), "wxaccount", wxcast.KindOfficialAccount)
		if err != nil {
			t.Fatal(err)
		}
		s := &oddStore{DB: db}
		in := callback.New(callback.Options{Store: s, Worker: "w", Log: slog.New(slog.DiscardHandler),
			Metrics: metrics.New(prometheus.NewRegistry(), db, nil),
			Accounts: []callback.Account{{ID: account, Name: "shop", Channels: []wxcast.Channel{template.Facts},
				Keys: wechat.CallbackKeys{AppID: "wxaccount"}}}})
		var running sync.WaitGroup
		ctx, stop := context.WithCancel(t.Context())
		running.Go(func() { in.Run(ctx) })
		defer running.Wait()
		defer stop()
		tell := func(openid wxcast.OpenID) {
			t.Helper()
			_, err := db.AddCallbacks(t.Context(), account, []wxcast.CallbackEvent{{OpenID: openid, CreatedAt: db.Now(),
				Kind: template.Facts.Receipt, MsgID: 7, Status: "success"}})
			if err != nil {
				t.Fatal(err)
			}
		}
		applied := func(openid wxcast.OpenID) bool {
			hints, err := db.ReceiptHints(t.Context(), account, openid)
			if err != nil {
				t.Fatal(err)
			}
			return len(hints) == 1
		}
		tell("odd")
		tell("even")
		eventually(t, "the other is applied", func() bool { return applied("even") })
		eventually(t, "people are told", func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return len(s.alerts) == 1
		})
		tell("later")
		eventually(t, "what comes afterwards is applied", func() bool { return applied("later") })
		eventually(t, "nothing is pending", func() bool {
			left, err := db.PendingCallbacks(t.Context(), account, 10)
			return err == nil && len(left) == 0
		})
		s.mu.Lock()
		defer s.mu.Unlock()
		if want := []time.Duration{10 * time.Minute, 10 * time.Minute, 10 * time.Minute}; !slices.Equal(s.waits, want) {
			t.Errorf("it waited %v between its last tries, want %v", s.waits, want)
		}
	})
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 20 seconds: %s", what)
		}
	}
}
