package metrics

import (
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// callbacks are what /metrics tells about callbacks.
type callbacks struct {
	events, refused *prometheus.CounterVec
	relayed         *prometheus.CounterVec
	callbackSeconds prometheus.Histogram
}

func newCallbacks() callbacks {
	return callbacks{
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "wxcast_callback_events_total",
			Help: "Events that WeChat told and that were kept, by kind; told twice counts twice.",
		}, []string{"account", "kind"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "wxcast_callbacks_refused_total", Help: "Callbacks refused, by reason.",
		}, []string{"account", "reason"}),
		relayed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "wxcast_callbacks_relayed_total",
			Help: "Callbacks that the primary was asked to answer, by whether it did.",
		}, []string{"account", "outcome"}),
		callbackSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "wxcast_callback_seconds", Help: "Time from a callback's arrival until it was kept.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}),
	}
}

// CallbackKept counts an event that was kept, and how long that took.
func (c *callbacks) CallbackKept(account, kind string, took time.Duration) {
	if !slices.Contains(known, kind) {
		kind = "other"
	}
	c.events.WithLabelValues(account, kind).Inc()
	c.callbackSeconds.Observe(took.Seconds())
}

// CallbackRefused counts a callback that was refused.
func (c *callbacks) CallbackRefused(account, why string) {
	c.refused.WithLabelValues(account, why).Inc()
}

// Relayed counts a callback that the primary was asked to answer.
func (c *callbacks) Relayed(account string, took bool) {
	outcome := "failed"
	if took {
		outcome = "taken"
	}
	c.relayed.WithLabelValues(account, outcome).Inc()
}

// known are the kinds that have a label of their own: a stranger's text must not make one.
var known = []string{"subscribe", "unsubscribe", "templatesendjobfinish", "scan", "click", "view", "location", "text",
	"subscribe_msg_popup_event", "subscribe_msg_change_event", "subscribe_msg_sent_event"}
