package world

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// allOver tells whether all that was asked for has its end.
func (w *world) allOver(ctx context.Context) (bool, error) {
	for _, asked := range w.wishes {
		if asked.message != 0 {
			m, err := w.operator.Message(ctx, asked.message)
			if err != nil {
				return false, err
			}
			if m.State == "pending" {
				return false, w.seeTo(ctx, m.BroadcastID)
			}
			continue
		}
		b, err := w.operator.Broadcast(ctx, asked.broadcast)
		if err != nil {
			return false, err
		}
		switch b.State {
		case wxcast.BroadcastDone, wxcast.BroadcastCancelled:
		case wxcast.BroadcastPaused:
			return false, w.seeTo(ctx, b.ID)
		case wxcast.BroadcastWaiting:
			w.reached(overMidnight)
			if b.Reason != "" && b.Sent+b.Failed+b.Unknown == 0 {
				w.reached(quotaBefore)
			}
			return false, nil
		default:
			return false, nil
		}
	}
	return true, nil
}

// seeTo lets a broadcast go on that was paused, or has a channel that was, as a person does who has
// seen to it.
func (w *world) seeTo(ctx context.Context, id int64) error {
	b, err := w.operator.Broadcast(ctx, id)
	if err != nil {
		return err
	}
	stopped := b.State == wxcast.BroadcastPaused
	for _, c := range b.ByChannel {
		if b.State == wxcast.BroadcastRunning && c.State == wxcast.BroadcastPaused {
			stopped = true
		}
	}
	if stopped {
		_, err = w.operator.ResumeBroadcast(ctx, id)
	}
	return err
}

// standing says where what was asked for stands.
func (w *world) standing(ctx context.Context) string {
	all, err := w.operator.Broadcasts(ctx)
	if err != nil {
		return err.Error()
	}
	lines := []string{}
	for _, b := range all {
		lines = append(lines, fmt.Sprintf("%s %s, %d pending (%s)", b.Name, b.State, b.Pending, b.Reason))
	}
	return strings.Join(lines, "; ")
}

// shown is what people saw of one wish: by either of the person's openids.
type shown map[string][]simulator.Message

// check holds the books against WeChat's ledger.
func (w *world) check(ctx context.Context) error {
	ledger := map[string]shown{} // by page
	for m := range w.sim.Messages() {
		page, _, _ := strings.Cut(m.PagePath, "?")
		if ledger[page] == nil {
			ledger[page] = shown{}
		}
		ledger[page][m.OpenID] = append(ledger[page][m.OpenID], m)
	}
	for _, asked := range w.wishes {
		books, err := w.books(ctx, asked)
		if err != nil {
			return err
		}
		w.compare(asked, books, ledger[asked.page])
	}
	state := w.sim.State()
	for api, calls := range state.Calls {
		// What is in flight while WeChat is slow, or a process stands still, comes late, beside what follows; and
		// where a slower broadcast begins beside another, what both have in hand is sent at both their rates.
		if most := w.plan.fastest()*5/4 + inFlight*(1+w.frozen.Load()); calls.PeakPerSecond > most &&
			strings.HasSuffix(api, "/send") {
			w.broke("the rate is never exceeded", "%d calls in a second to %s, more than %d", calls.PeakPerSecond, api,
				most)
		}
		if over := calls.OverQuota; over > inFlight*w.frozen.Load() {
			w.broke("the quota is never exceeded", "%d calls over it to %s", over, api)
		}
		if refused := calls.Refused[43101]; refused > 0 {
			w.broke("a consent is used once", "%d messages to people who allow none", refused)
		}
	}
	if state.Deduplicated > 0 {
		w.reached(triedAgain)
	}
	return w.checkFollowers(ctx)
}

// What the processes may ask of the store and of WeChat, by how long they worked and what they
// sent: some looks a second each, and what a message with its retries and its receipt takes.
const (
	stepsToBegin   = 5_000
	stepsPerSecond = 150
	stepsPerSent   = 150
)

// checkSteps wants nobody to ask the same again and again.
func (w *world) checkSteps(steps int64, messages int, took time.Duration) {
	most := stepsToBegin + int64(stepsPerSecond*took.Seconds()) + int64(stepsPerSent*messages)
	if steps > most {
		w.broke("waiting costs the store little", "%d statements and calls in %v for %d messages, more than %d", steps,
			took.Round(time.Second), messages, most)
	}
}

// books are what is stored of a wish.
func (w *world) books(ctx context.Context, asked wish) (books []account.Delivery, err error) {
	if asked.message != 0 {
		m, err := w.operator.Message(ctx, asked.message)
		d := account.Delivery{OpenID: m.Recipient, State: m.State, MsgID: m.MsgID, Channel: m.Channel,
			ErrCode: m.ErrCode, ErrMsg: m.ErrMsg, FellThrough: m.FellThrough, Attempts: m.Attempts}
		return []account.Delivery{d}, err
	}
	var out bytes.Buffer
	if _, err := w.operator.ExportDeliveries(ctx, asked.broadcast, "jsonl", &out); err != nil {
		return nil, err
	}
	for decoder := json.NewDecoder(&out); decoder.More(); {
		var d account.Delivery
		if err := decoder.Decode(&d); err != nil {
			return nil, err
		}
		books = append(books, d)
	}
	return books, nil
}

// controlGroup is of how many people some are held out, and some are not: by chance all would be
// alike once in half a million broadcasts.
const controlGroup = 20

// compare wants what people saw of one wish to be what the books say.
func (w *world) compare(asked wish, books []account.Delivery, got shown) {
	held := 0
	for _, d := range books {
		if d.ErrCode == wxcast.ErrCodeHeldOut {
			held++
		}
		mini := cmp.Or(d.MiniOpenID, w.miniOf(d.OpenID))
		saw := slices.Concat(got[d.OpenID], got[mini])
		w.checkVisit(asked.page, mini, d.CameAt)
		who := fmt.Sprintf("%s of %s", cmp.Or(d.OpenID, mini), asked.page)
		if len(saw) > 1 {
			w.broke("no one twice", "%s has %d messages: %+v", who, len(saw), saw)
		}
		switch d.State {
		case "sent":
			if len(saw) == 0 {
				w.broke("our books are WeChat's", "%s is sent, and WeChat knows of nothing", who)
			} else if d.MsgID != "" && d.MsgID != fmt.Sprint(saw[0].MsgID) {
				w.broke("our books are WeChat's", "%s is sent with msgid %s, in truth %d", who, d.MsgID, saw[0].MsgID)
			}
		case "failed", "skipped":
			if len(saw) > 0 {
				w.broke("our books are WeChat's", "%s is %s (%d %s), and has a message", who, d.State, d.ErrCode,
					d.ErrMsg)
			}
		case "unknown":
			w.reached(isUnknown)
			if len(saw) == 0 {
				w.reached(unknownNotSent)
			}
		default:
			w.broke("no one is missing", "%s is %s at the end", who, d.State)
		}
		if d.FellThrough != "" && d.State == "sent" {
			w.reached(nextChannel)
		}
	}
	switch {
	case held > 0 && !asked.holdout:
		w.broke("a control group gets nothing", "%d of %s are held out, and nobody asked for it", held, asked.page)
	case asked.holdout && len(books) >= controlGroup && (held == 0 || held == len(books)):
		w.broke("a control group gets nothing", "%d of %d of %s are held out", held, len(books), asked.page)
	case held > 0:
		w.reached(controlled)
	}
}

// miniOf is the mini_openid of a follower.
func (w *world) miniOf(openid string) string {
	for n := range w.plan.Followers {
		if id, _ := w.sim.FollowerIDs(n); id == openid {
			return w.sim.MiniOpenIDOf(n)
		}
	}
	return ""
}

// checkFollowers wants the followers to be WeChat's, after the last night's sync.
func (w *world) checkFollowers(ctx context.Context) error {
	var out bytes.Buffer
	if _, err := w.operator.ExportFollowers(ctx, account.FollowerFilter{}, "jsonl", &out); err != nil {
		return err
	}
	ours := map[string]bool{}
	for decoder := json.NewDecoder(&out); decoder.More(); {
		var f struct{ OpenID string }
		if err := decoder.Decode(&f); err != nil {
			return err
		}
		ours[f.OpenID] = true
	}
	for openid := range w.sim.Followers() {
		if !ours[openid] {
			w.broke("no follower is wrongly unfollowed", "%s follows, and is marked as gone", openid)
		}
		delete(ours, openid)
	}
	for openid := range ours {
		w.broke("followers are the truth", "%s has left, and is marked as following", openid)
	}
	return nil
}

// digest is short for all that people saw, and when.
func (w *world) digest() string {
	h := fnv.New64a()
	for m := range w.sim.Messages() {
		fmt.Fprintln(h, m.At.UnixNano(), m.OpenID, m.Channel, m.PagePath, m.MsgID)
	}
	return fmt.Sprintf("%016x", h.Sum64())
}
