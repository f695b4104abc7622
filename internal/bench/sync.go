package bench

import (
	"context"
	"fmt"

	"github.com/wxcast/wxcast/config"
)

// syncConcurrency is wxcast's default; the bare client uses the same.
func syncConcurrency() (int, error) {
	c, err := config.Load(config.Sources{File: "/dev/null", Env: func(string) string { return "" }})
	if err != nil {
		return 0, err
	}
	return c.Sync.Concurrency, nil
}

// sync measures a first sync.
func (w *world) sync(ctx context.Context) (row Row, err error) {
	w.Say("sync of %d followers on %s", w.Size, w.engine)
	row = Row{Part: "sync", Engine: w.engine, N: w.Size}
	concurrency, err := syncConcurrency()
	if err != nil {
		return row, err
	}
	bare, err := w.fetchAll(ctx, concurrency)
	if err != nil {
		return row, err
	}
	load, err := w.load(ctx)
	if err != nil {
		return row, err
	}
	row.Ceiling = float64(w.Size) / max(bare, load).Seconds()
	ours, err := w.run(ctx, "sync")
	if err != nil {
		return row, err
	}
	if ours.out["listed"] != float64(w.Size) {
		return row, fmt.Errorf("%v listed, of %d", ours.out["listed"], w.Size)
	}
	row.PerSecond, row.CPUSeconds, row.PeakMiB = float64(w.Size)/ours.wall.Seconds(), ours.cpu.Seconds(), ours.peakMiB
	row.Ratio = row.PerSecond / row.Ceiling
	row.Naive, err = w.naiveSync(ctx)
	return row, err
}
