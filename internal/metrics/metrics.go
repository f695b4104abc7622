// Package metrics is all that /metrics tells. Metrics of this process are counted; what all
// processes share is read from the store when somebody looks.
package metrics

import (
	"context"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Metrics are those of one process. They are safe for concurrent use.
type Metrics struct {
	callbacks
	doors

	calls       *prometheus.CounterVec
	callSeconds *prometheus.HistogramVec
	messages    *prometheus.CounterVec
	takeovers   *prometheus.CounterVec
	overrides   *prometheus.CounterVec
	jobRuns     *prometheus.CounterVec
	jobEnd      *prometheus.GaugeVec
	accounts    map[int64]string
}

// Account is one whose metrics there are.
type Account struct {
	ID   int64
	Name string
	// Systems are those of the company that are told of events, or get callbacks.
	Systems func(ctx context.Context) ([]System, error)
}

// System is how one of them takes what it gets.
type System struct {
	Name         string
	Behind       int64     // what waits for it
	FailingSince time.Time // zero while it takes all
}

// New makes the metrics of these accounts and registers them.
func New(registry *prometheus.Registry, store Store, accounts []Account) *Metrics {
	m := &Metrics{
		callbacks: newCallbacks(), doors: newDoors(),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "wxcast_wechat_calls_total",
			Help: "Calls to WeChat by API and by what their answer means (ok, retry_later, dead, quota_stop, …). The sends of /cgi-bin/message/template/send a second are the rate achieved.",
		}, []string{"account", "api", "class"}),
		callSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "wxcast_wechat_call_seconds", Help: "Time of a call to WeChat.",
			Buckets: []float64{.005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10},
		}, []string{"account", "api"}),
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "wxcast_messages_total",
			Help: "Messages that have their end (sent, failed, skipped, unknown), by channel, as this process recorded it.",
		}, []string{"account", "channel", "state"}),
		takeovers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "wxcast_lease_takeovers_total", Help: "Leases of dead workers that this process took over.",
		}, []string{"account"}),
		overrides: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "wxcast_token_overrides_total",
			Help: "Access tokens that another system made an end of, as this process noticed.",
		}, []string{"account"}),
		jobRuns: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "wxcast_job_runs_total", Help: "Runs of jobs by this process, by outcome.",
		}, []string{"account", "job", "outcome"}),
		jobEnd: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "wxcast_job_last_end_timestamp_seconds",
			Help: "When this process last ended a run of a job, by outcome.",
		}, []string{"account", "job", "outcome"}),
		accounts: map[int64]string{},
	}
	for _, a := range accounts {
		m.accounts[a.ID] = a.Name
	}
	registry.MustRegister(append(m.counted(), &stored{store, accounts})...)
	return m
}

// counted are the metrics of this process.
func (m *Metrics) counted() []prometheus.Collector {
	return []prometheus.Collector{m.calls, m.callSeconds, m.messages, m.takeovers, m.overrides, m.jobRuns, m.jobEnd,
		m.events, m.refused, m.relayed, m.callbackSeconds, m.turnedAway}
}

// Descriptions are of all metrics that there can be.
func (m *Metrics) Descriptions() []*prometheus.Desc {
	told := make(chan *prometheus.Desc, 100) // many more than one collector has
	for _, c := range m.counted() {
		c.Describe(told)
	}
	close(told)
	all := slices.Clone(storedMetrics)
	for d := range told {
		all = append(all, d)
	}
	return all
}

// Called counts a call to WeChat.
func (m *Metrics) Called(account, api string, took time.Duration, err error) {
	m.calls.WithLabelValues(account, api, wechat.ClassOf(err).String()).Inc()
	m.callSeconds.WithLabelValues(account, api).Observe(took.Seconds())
}

// Ended counts messages by a channel that have such an end.
func (m *Metrics) Ended(account, channel string, end wxcast.DeliveryState, n int) {
	m.messages.WithLabelValues(account, channel, string(end)).Add(float64(n))
}

// TookOver counts leases of dead workers.
func (m *Metrics) TookOver(account string, leases int) {
	m.takeovers.WithLabelValues(account).Add(float64(leases))
}

// TokenOverridden counts an access token that another system made an end of.
func (m *Metrics) TokenOverridden(account string) { m.overrides.WithLabelValues(account).Inc() }

// JobEnded counts a run of a job.
func (m *Metrics) JobEnded(accountID int64, job string, outcome wxcast.JobOutcome) {
	labels := []string{m.accounts[accountID], job, string(outcome)}
	m.jobRuns.WithLabelValues(labels...).Inc()
	m.jobEnd.WithLabelValues(labels...).SetToCurrentTime()
}
