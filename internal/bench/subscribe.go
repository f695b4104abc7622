package bench

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const (
	// subscribeRate is what subscribe messages are asked for, beside a server that answers
	// after subscribeLatency.
	subscribeRate    = 2000
	subscribeLatency = 20 * time.Millisecond
)

// measureSubscribe measures subscribe messages, each of which takes a consent and is noted
// before it leaves: as fast as they go, and at a rate.
func measureSubscribe(ctx context.Context, w *world) error {
	if err := w.prepare(ctx); err != nil {
		return err
	}
	n := min(w.Size, roundSize)
	rounds := []struct {
		what    string
		rate, n int
		latency time.Duration
	}{{asItGoes, asFast, n, 0}, {fmt.Sprintf("at %d a second", subscribeRate), subscribeRate,
		min(n, 10*subscribeRate), subscribeLatency}}
	for _, r := range rounds {
		if err := w.consents(ctx); err != nil {
			return err
		}
		w.say("%d subscribe messages, %s, answers after %v", r.n, r.what, r.latency)
		bare, err := w.bare(ctx, w.Connections, r.n)
		if err != nil {
			return err
		}
		w.platform.slow(r.latency)
		u, err := w.broadcast(ctx, job{name: "subscribe-" + r.latency.String(), rate: r.rate, n: r.n, processes: 1,
			inFlight: w.Connections, subscribe: true})
		w.platform.slow(0)
		if err != nil {
			return err
		}
		ceiling := float64(r.n) / bare.wall.Seconds()
		if r.rate < asFast {
			ceiling = float64(r.rate)
		}
		w.row("subscribe messages, "+r.what, r.n, u, func(row *Row) {
			row.InFlight, row.Calls, row.Ceiling = w.Connections, int64(r.n), ceiling
		})
		if r.rate < asFast && r.n == 10*subscribeRate {
			reached := float64(r.n) / u.sending.Seconds() / ceiling
			w.atLeast("subscribe messages / a rate of 2,000 a second", reached, 0.9, "x")
		}
	}
	return nil
}

// consents lets every mini user allow a message, in our ledger.
func (w *world) consents(ctx context.Context) error {
	file := filepath.Join(w.dir, "ledger.csv")
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	out := csv.NewWriter(f)
	err = out.Write([]string{"mini_openid", "template_id", "count"})
	for m := range w.sim.MiniUsers() {
		err = errors.Join(err, out.Write([]string{m.OpenID, w.sim.TemplateID, "1"}))
	}
	out.Flush()
	if err = errors.Join(err, out.Error(), f.Close()); err == nil {
		_, err = w.run(ctx, "permits", "import", file)
	}
	return err
}

// subscribeSpec writes a spec file of subscribe messages for n recipients.
func (w *world) subscribeSpec(name string, rate, n int) (file string, err error) {
	file = filepath.Join(w.dir, name+".yaml")
	text := fmt.Sprintf("name: %s\nrate: %d\naudience: {limit: %d}\nchannels:\n  - subscribe: {template: %s, "+
		"page: \"pages/sale/index?u={{ .mini_openid }}\", data: {thing1: 上新提醒, time2: \"2026-11-30 10:00\"}}\n",
		name, rate, n, w.sim.TemplateID)
	return file, os.WriteFile(file, []byte(text), 0o600)
}
