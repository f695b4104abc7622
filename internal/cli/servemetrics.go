package cli

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wxcast/wxcast/internal/jobs"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// metrics are what /metrics tells about sending, jobs and quotas; internal/server has those
// of callbacks.
type metrics struct {
	calls       *prometheus.CounterVec
	callSeconds *prometheus.HistogramVec
	takeovers   *prometheus.CounterVec
	overrides   *prometheus.CounterVec
	jobRuns     *prometheus.CounterVec
	jobEnd      *prometheus.GaugeVec
	accounts    map[int64]string
}

func newMetrics(registry *prometheus.Registry, sessions []*session) *metrics {
	m := &metrics{
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "wxcast_wechat_calls_total", Help: "Calls to WeChat by API and by what their answer means (ok, retry_later, dead, quota_stop, …). The sends of /cgi-bin/message/template/send a second are the rate achieved.",
		}, []string{"account", "api", "class"}),
		callSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "wxcast_wechat_call_seconds", Help: "Time of a call to WeChat.", Buckets: []float64{.005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10},
		}, []string{"account", "api"}),
		takeovers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "wxcast_lease_takeovers_total", Help: "Leases of dead workers that this process took over.",
		}, []string{"account"}),
		overrides: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "wxcast_token_overrides_total", Help: "Access tokens that another system made an end of, as this process noticed.",
		}, []string{"account"}),
		jobRuns: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "wxcast_job_runs_total", Help: "Runs of jobs by this process, by outcome.",
		}, []string{"account", "job", "outcome"}),
		jobEnd: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "wxcast_job_last_end_timestamp_seconds", Help: "When this process last ended a run of a job, by outcome.",
		}, []string{"account", "job", "outcome"}),
		accounts: map[int64]string{},
	}
	for _, s := range sessions {
		m.accounts[s.accountID] = s.account.Name
	}
	registry.MustRegister(m.calls, m.callSeconds, m.takeovers, m.overrides, m.jobRuns, m.jobEnd, &stored{sessions})
	return m
}

// called counts a call to WeChat.
func (m *metrics) called(account, api string, took time.Duration, err error) {
	m.calls.WithLabelValues(account, api, wechat.ClassOf(err).String()).Inc()
	m.callSeconds.WithLabelValues(account, api).Observe(took.Seconds())
}

func (m *metrics) jobEnded(job jobs.Job, outcome wxcast.JobOutcome) {
	labels := []string{m.accounts[job.AccountID], job.Name, string(outcome)}
	m.jobRuns.WithLabelValues(labels...).Inc()
	m.jobEnd.WithLabelValues(labels...).SetToCurrentTime()
}

// stored are the metrics that all processes share: they are read from the store.
type stored struct{ sessions []*session }

var (
	quotaLimit = prometheus.NewDesc("wxcast_quota_limit", "Calls that WeChat allows today (Beijing).", []string{"account", "api"}, nil)
	quotaLeft  = prometheus.NewDesc("wxcast_quota_left", "Calls that are left of today's.", []string{"account", "api"}, nil)
	atWork     = prometheus.NewDesc("wxcast_broadcasts_running", "Broadcasts that are running, or whose time has come.", []string{"account"}, nil)
	askedRate  = prometheus.NewDesc("wxcast_broadcast_rate_asked", "Messages a second that a running broadcast is to send.", []string{"account", "broadcast"}, nil)
	lag        = prometheus.NewDesc("wxcast_callback_lag_seconds", "Age of the oldest event that was kept and not yet applied; 0 for none.", []string{"account"}, nil)
)

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
	for _, a := range s.sessions {
		name, now := a.account.Name, a.db.Now()
		if days, err := a.db.QuotaDays(ctx, a.accountID, wxcast.DayOf(now)); err == nil {
			for _, d := range days {
				if d.Limit > 0 {
					gauge(quotaLimit, float64(d.Limit), name, d.API)
					gauge(quotaLeft, float64(max(0, d.Limit-d.Used)), name, d.API)
				}
			}
		}
		if running, err := a.db.BroadcastsDue(ctx, a.accountID); err == nil {
			gauge(atWork, float64(len(running)), name)
			for _, b := range running {
				gauge(askedRate, b.Rate, name, b.Name)
			}
		}
		if oldest, err := a.db.PendingEvents(ctx, a.accountID, 1); err == nil {
			age := time.Duration(0)
			if len(oldest) > 0 {
				age = max(0, now.Sub(oldest[0].CreatedAt))
			}
			gauge(lag, age.Seconds(), name)
		}
	}
}
