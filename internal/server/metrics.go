package server

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wxcast/wxcast/internal/wechat"
)

// metrics are what /metrics tells about callbacks.
type metrics struct {
	events, refused *prometheus.CounterVec
	callbackSeconds prometheus.Histogram
}

func newMetrics(registry *prometheus.Registry) *metrics {
	m := &metrics{
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "wxcast_callback_events_total", Help: "Events that WeChat told and that were kept, by kind; told twice counts twice.",
		}, []string{"account", "kind"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "wxcast_callbacks_refused_total", Help: "Callbacks refused, by reason.",
		}, []string{"account", "reason"}),
		callbackSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "wxcast_callback_seconds", Help: "Time from a callback's arrival until it was kept.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}),
	}
	registry.MustRegister(m.events, m.refused, m.callbackSeconds)
	return m
}

// known are the kinds that have a label of their own: a stranger's text must not make one.
var known = []string{"subscribe", "unsubscribe", "templatesendjobfinish", "scan", "click", "view", "location", "text",
	"subscribe_msg_popup_event", "subscribe_msg_change_event", "subscribe_msg_sent_event"}

func kindLabel(e wechat.Event) string {
	kind := e.Name
	if kind == "" {
		kind = e.Type
	}
	if slices.Contains(known, kind) {
		return kind
	}
	return "other"
}
