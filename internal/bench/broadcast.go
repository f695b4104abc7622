package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// slowFor is how long a measurement with latency takes about.
const slowFor = 8 * time.Second

// broadcast measures one broadcast.
func (w *world) broadcast(ctx context.Context, name string, latency time.Duration) (row Row, err error) {
	n := w.Size
	if latency > 0 {
		n = min(n, int(float64(w.Connections)*slowFor.Seconds()/latency.Seconds()))
	}
	w.Say("broadcast to %d on %s, answers after %v", n, w.engine, latency)
	w.platform.latency.Store(int64(latency))
	defer w.platform.latency.Store(0)
	row = Row{Part: "broadcast", Engine: w.engine, LatencyMS: latency.Milliseconds(), N: n}
	bare, err := w.bare(ctx, n)
	if err != nil {
		return row, err
	}
	row.Ceiling = float64(n) / bare.Seconds()
	spec := filepath.Join(w.dir, name+".yaml")
	text := fmt.Sprintf("name: %s\ntemplate: %s\ndata: {thing1: 上新提醒, time2: \"2026-11-30 10:00\"}\nminiprogram: {pagepath: \"pages/sale/index?u={{ .mini_openid }}\"}\nrate: 100000\naudience: {limit: %d}\n", name, w.sim.TemplateID, n)
	if err := os.WriteFile(spec, []byte(text), 0o600); err != nil {
		return row, err
	}
	w.platform.reset()
	ours, err := w.run(ctx, "broadcast", "run", spec, "--yes")
	if err != nil {
		return row, err
	}
	if taken := w.platform.taken.Load(); taken != int64(n) || ours.out["sent"] != float64(n) {
		return row, fmt.Errorf("%d messages were taken and %v recorded, of %d", taken, ours.out["sent"], n)
	}
	row.PerSecond, row.CPUSeconds, row.PeakMiB = float64(n)/ours.wall.Seconds(), ours.cpu.Seconds(), ours.peakMiB
	row.Ratio = row.PerSecond / row.Ceiling
	row.Naive, err = w.naiveSends(ctx)
	return row, err
}

// bare runs the bare client as a process of its own.
func (w *world) bare(ctx context.Context, n int) (time.Duration, error) {
	url, err := w.sendURL(ctx)
	if err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, w.Binary, "bench", "--bare", url, "--connections", fmt.Sprint(w.Connections), "--size", fmt.Sprint(n))
	cmd.Env = w.env
	begun := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("the bare client: %w: %s", err, out)
	}
	return time.Since(begun), nil
}
