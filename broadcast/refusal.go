package broadcast

import (
	"slices"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// refusals are people whose right WeChat did not know, until it is clear whether our ledger is
// wrong about them or WeChat refuses everybody: in a storm nothing is taken from anybody.
// Source: a bulk run of 2020 in which most were refused, and got it later (docs/wechat.md).
type refusals struct {
	seen    int // messages
	waiting []refusal
}

type refusal struct {
	wxcast.Refusal
	n int // it was the nth message
}

// see takes the result of a call in.
func (r *refusals) see(res result) {
	r.seen++
	if res.refused {
		r.waiting = append(r.waiting, refusal{wxcast.Refusal{ID: res.outcome.ID, RightAt: res.RightAt,
			At: res.outcome.AttemptedAt}, r.seen})
	}
}

// take takes those out that are clear by now: all of them, or those that are so many messages
// old that a storm would have shown.
func (r *refusals) take(all bool) (clear []wxcast.Refusal) {
	r.waiting = slices.DeleteFunc(r.waiting, func(one refusal) bool {
		if over := all || r.seen-one.n >= failureWindow; !over {
			return false
		}
		clear = append(clear, one.Refusal)
		return true
	})
	return clear
}

// settleRefusals settles the refusals that are clear, all of them at the end.
func (w *recordWriter) settleRefusals(end bool) error {
	storm := w.watch.stopped().reason.Code == pauseRights
	clear := w.refusals.take(end || storm)
	if len(clear) == 0 {
		return nil
	}
	return w.store.SettleRefusals(w.ctx, w.b.Ref(), w.facts, clear, !storm)
}
