package broadcast_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wxcast/wxcast/broadcast"
	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// log is a log to read in.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), text)
}

const slowing = "slowing down: WeChat says that it gets too much"

func TestThePaceFollowsWhatWeChatTakes(t *testing.T) {
	for name, code := range map[string]int{"45011": 45011, "a burst of -1": -1} {
		t.Run(name, func(t *testing.T) {
			each(t, 6000, 0, func(t *testing.T, b *bench) {
				said := &log{}
				b.options.Log, b.options.Rate = slog.New(slog.NewTextHandler(said, nil)), 1000
				b.sim.SetKnobs(func(k *simulator.Knobs) { k.MaxRate, k.MaxRateCode = 200, code })
				go func() {
					for !said.has(slowing) && t.Context().Err() == nil {
						time.Sleep(10 * time.Millisecond)
					}
					time.Sleep(3 * time.Second)
					b.sim.SetKnobs(func(k *simulator.Knobs) { k.MaxRate = 0 })
				}()
				job, err := b.run(t, t.Context(), "too-fast")
				if err != nil || job.State != wxcast.BroadcastDone {
					t.Fatalf("%+v %v", job, err)
				}
				b.agrees(t, job.ID, 6000)
				if !said.has(slowing) || !said.has("quickening again") {
					t.Errorf("it did not say that it slows down and quickens: %s", &said.text)
				}
			})
		})
	}
}

func TestANewRateHoldsWithinASecond(t *testing.T) {
	each(t, 2000, 0, func(t *testing.T, b *bench) {
		b.options.Rate = 50
		job, by := b.find(t, "quickened")
		time.AfterFunc(1500*time.Millisecond, func() {
			if err := b.db.SetRate(context.WithoutCancel(t.Context()), job.Ref(), 2000, 0); err != nil {
				t.Error(err)
			}
		})
		started := time.Now()
		after, err := broadcast.Run(t.Context(), b.db, job, by, b.options)
		if took := time.Since(started); err != nil || after.State != wxcast.BroadcastDone || took > 25*time.Second { // 40 at the old rate
			t.Errorf("%v: %+v %v", took, after, err)
		}
		b.agrees(t, job.ID, 2000)
	})
}
