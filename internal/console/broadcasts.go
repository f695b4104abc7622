package console

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/report"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// rowsShown is how many rows a page of a list has.
const rowsShown = 50

// castView is a broadcast as pages show it. Counts is nil while they are being made.
type castView struct {
	wxcast.Broadcast
	Account string
	Counts  *snapshot
}

// castOf is a broadcast with its counts: kept ones, or those of a moment ago.
func (c *call) castOf(a *account.Account, b wxcast.Broadcast) (castView, error) {
	v := castView{Broadcast: b, Account: a.Name()}
	var err error
	v.Counts, err = c.con.snapshotOf(c.r.Context(), a, b.ID, c.patience)
	return v, err
}

// Pending is how many messages are still to be sent.
func (v castView) Pending() int64 {
	if v.Counts == nil {
		return 0
	}
	return v.Counts.Pending
}

// bar is a stretch of a broadcast's outcomes.
type bar struct {
	Class string
	N     int64
	X, W  float64 // percent
}

// Bars are a broadcast's outcomes side by side.
func (v castView) Bars() (all []bar) {
	if v.Counts == nil || v.Counts.Recipients == 0 {
		return nil
	}
	b, x := v.Counts.Broadcast, 0.0
	for _, one := range []bar{
		{Class: "delivered", N: b.Delivered}, {Class: "sent", N: b.Sent - b.Delivered - b.Undelivered},
		{Class: "undelivered", N: b.Undelivered}, {Class: "failed", N: b.Failed}, {Class: "skipped", N: b.Skipped},
		{Class: "unknown", N: b.Unknown}, {Class: "pending", N: b.Pending},
	} {
		if one.N > 0 {
			one.X, one.W = x, 100*float64(one.N)/float64(b.Recipients)
			x += one.W
			all = append(all, one)
		}
	}
	return all
}

// EndsAt is when it ends at the rate of now; zero where that cannot be told.
func (v castView) EndsAt() time.Time {
	if v.State != wxcast.BroadcastRunning || v.Counts == nil || v.Counts.Pending == 0 {
		return time.Time{}
	}
	rate := v.Counts.Rate
	if rate <= 0 {
		rate = v.Rate
	}
	return v.Counts.At.Add(time.Duration(float64(v.Counts.Pending) / rate * float64(time.Second)))
}

// RateText is how many messages a second leave.
func (v castView) RateText() string {
	if v.Counts == nil || v.Counts.Rate < 0 {
		return "–"
	}
	return strconv.FormatFloat(v.Counts.Rate, 'f', 1, 64)
}

// May tells whether its state allows a move.
func (v castView) May(move string) bool {
	switch move {
	case "start":
		return v.State == wxcast.BroadcastDraft && v.Fixed
	case "pause":
		return v.State == wxcast.BroadcastRunning || v.State == wxcast.BroadcastWaiting ||
			v.State == wxcast.BroadcastScheduled
	case "resume":
		return v.State == wxcast.BroadcastPaused || v.State == wxcast.BroadcastWaiting
	case "cancel", "steer":
		return !v.State.Final()
	case "retry":
		return v.State.Final() && v.Counts != nil && v.Counts.Failed > 0 && v.EmptiedAt.IsZero()
	}
	return false
}

type broadcastsView struct {
	Drafts  []draftItem
	Waiting []wxcast.BroadcastName // for somebody to approve them
	Casts   []castView
	Older   int64 // those before this one come next; 0 for none
}

func (c *call) broadcasts() error {
	before, _ := strconv.ParseInt(c.Query("before"), 10, 64) // 0: from the latest
	all, err := c.Account.BroadcastPage(c.ctx(), before, rowsShown+1)
	if err != nil {
		return err
	}
	v := broadcastsView{}
	if v.Drafts, err = c.draftItems(); err != nil {
		return err
	}
	if v.Waiting, err = c.Account.WaitingApprovals(c.ctx()); err != nil {
		return err
	}
	if len(all) > rowsShown {
		all = all[:rowsShown]
		v.Older = all[rowsShown-1].ID
	}
	for _, b := range all {
		one, err := c.listed(b)
		if err != nil {
			return err
		}
		v.Casts = append(v.Casts, one)
	}
	return c.show("broadcasts", v)
}

// listed is a broadcast of the account's with its counts, which one that has ended keeps.
func (c *call) listed(b wxcast.Broadcast) (castView, error) {
	if b.Kept == nil {
		return c.castOf(c.Account, b)
	}
	summary, err := c.Account.Summary(c.ctx(), b)
	return castView{Broadcast: b, Account: c.Account.Name(), Counts: &snapshot{Broadcast: summary, Rate: -1}}, err
}

// reason is why messages did not go out, and of how many.
type reason struct {
	Code, Meaning, Advice string
	N                     int64
	ErrCode               int
	Known                 bool // it is an errcode of WeChat's
}

// reasons are an outcome's, the most frequent first.
func (c *call) reasons(codes map[string]int64) (all []reason) {
	for _, code := range slices.SortedFunc(maps.Keys(codes), func(x,
		y string) int {
		return int(codes[y] - codes[x])
	}) {
		one := reason{Code: c.Say(report.CodeSentence(code)), N: codes[code]}
		if n, err := strconv.Atoi(code); err == nil {
			one.ErrCode, one.Known = n, true
			if e, ok := wechat.Explain(n); ok {
				one.Meaning, one.Advice = e.Meaning.In(string(c.Lang)), e.Advice.In(string(c.Lang))
			}
		}
		all = append(all, one)
	}
	return all
}
