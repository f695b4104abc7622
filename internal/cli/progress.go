package cli

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/wxcast/wxcast/internal/text"
)

// plainEvery is how often progress is told where there is no terminal.
const plainEvery = 10 * time.Second

// progress shows how far a job is: a bar on a terminal, now and then a line
// elsewhere. It is safe for concurrent use.
type progress struct {
	mu     sync.Mutex
	lang   text.Lang
	label  string
	out    io.Writer
	bar    *progressbar.ProgressBar // nil where there is no terminal
	max    int64
	every  time.Duration // between two lines, where there is no terminal
	toldAt time.Time
}

func (a *app) progress(label string) *progress {
	p := &progress{lang: a.lang, label: label, out: a.Err, every: plainEvery, toldAt: time.Now()}
	if a.Terminal {
		p.bar = progressbar.NewOptions64(-1,
			progressbar.OptionSetWriter(a.Err), progressbar.OptionSetDescription(label),
			progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetPredictTime(true),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionSetWidth(28),
			progressbar.OptionClearOnFinish(),
		)
	}
	return p
}

// set tells how much is done, of how much (0 when that is not known).
func (p *progress) set(done, whole int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		if whole > 0 && whole != p.max {
			p.max = whole
			p.bar.ChangeMax64(whole)
		}
		_ = p.bar.Set64(done) // a terminal that went away
		return
	}
	if time.Since(p.toldAt) < p.every {
		return
	}
	p.toldAt = time.Now()
	if whole > 0 {
		fmt.Fprintln(p.out, p.lang.T("progress.of", "label", p.label, "n", done, "of", whole))
	} else {
		fmt.Fprintf(p.out, "%s: %s\n", p.label, count(done))
	}
}

// end removes the bar: the result follows.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Clear()
		p.bar = nil
		p.toldAt = time.Now() // a late set stays silent
	}
}
