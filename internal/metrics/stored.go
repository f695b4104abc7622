package metrics

import (
	"context"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// Store tells what all processes share.
type Store interface {
	Now() time.Time
	QuotaDays(ctx context.Context, accountID int64, day wxcast.Day) ([]wxcast.QuotaDay, error)
	BroadcastsDue(ctx context.Context, accountID int64) ([]wxcast.Broadcast, error)
	MessageLag(ctx context.Context, accountID int64) (time.Duration, error)
	PendingCallbacks(ctx context.Context, accountID int64, limit int) ([]wxcast.CallbackEvent, error)
}

// stored are the metrics that all processes share: they are read from the store.
type stored struct {
	store    Store
	accounts []Account
}

var (
	quotaLimit = prometheus.NewDesc("wxcast_quota_limit", "Calls that WeChat allows today (Beijing).",
		[]string{"account", "api"}, nil)
	quotaLeft = prometheus.NewDesc("wxcast_quota_left", "Calls that are left of today's.", []string{"account", "api"},
		nil)
	atWork = prometheus.NewDesc("wxcast_broadcasts_running", "Broadcasts that are running, or whose time has come.",
		[]string{"account"}, nil)
	askedRate = prometheus.NewDesc("wxcast_broadcast_rate_asked",
		"Messages a second that a running broadcast is to send.", []string{"account", "broadcast"}, nil)
	messageLag = prometheus.NewDesc("wxcast_message_lag_seconds",
		"How long the single message has been due that waits longest; 0 for none.", []string{"account"}, nil)
	lag = prometheus.NewDesc("wxcast_callback_lag_seconds",
		"Age of the oldest event that was kept and not yet applied; 0 for none.", []string{"account"}, nil)
	behind = prometheus.NewDesc("wxcast_webhook_behind",
		"Events of all types that a webhook has not taken yet, or callbacks that wait to be passed on.",
		[]string{"account", "webhook"}, nil)
	failing = prometheus.NewDesc("wxcast_webhook_failing_seconds",
		"How long a webhook, or a system that gets callbacks, has not taken the next; 0 while it takes all.",
		[]string{"account", "webhook"}, nil)
)

// storedMetrics are all of them.
var storedMetrics = []*prometheus.Desc{quotaLimit, quotaLeft, atWork, askedRate, messageLag, lag, behind, failing}

// storedWithin is how long the store may take; what it does not tell in time is left out.
const storedWithin = 2 * time.Second

// Describe tells that the store decides which there are.
func (s *stored) Describe(chan<- *prometheus.Desc) {}

// Collect reads them.
func (s *stored) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), storedWithin)
	defer cancel()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, a := range s.accounts {
		name, now := a.Name, s.store.Now()
		if days, err := s.store.QuotaDays(ctx, a.ID, wxcast.DayOf(now)); err == nil {
			for _, d := range days {
				if d.Limit > 0 {
					gauge(quotaLimit, float64(d.Limit), name, d.API)
					gauge(quotaLeft, float64(max(0, d.Limit-d.Used)), name, d.API)
				}
			}
		}
		if running, err := s.store.BroadcastsDue(ctx, a.ID); err == nil {
			// Those that hold single messages always run, and several may have one name.
			running = slices.DeleteFunc(running, wxcast.Broadcast.OfMessages)
			gauge(atWork, float64(len(running)), name)
			for _, b := range running {
				gauge(askedRate, b.Rate, name, b.Name)
			}
		}
		if late, err := s.store.MessageLag(ctx, a.ID); err == nil {
			gauge(messageLag, late.Seconds(), name)
		}
		if oldest, err := s.store.PendingCallbacks(ctx, a.ID, 1); err == nil {
			age := time.Duration(0)
			if len(oldest) > 0 {
				age = max(0, now.Sub(oldest[0].CreatedAt))
			}
			gauge(lag, age.Seconds(), name)
		}
		if systems, err := a.Systems(ctx); err == nil {
			for _, one := range systems {
				since := time.Duration(0)
				if !one.FailingSince.IsZero() {
					since = max(0, now.Sub(one.FailingSince))
				}
				gauge(behind, float64(one.Behind), name, one.Name)
				gauge(failing, since.Seconds(), name, one.Name)
			}
		}
	}
}
