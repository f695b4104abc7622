package broadcast

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	// tokenFailuresMax refusals of fresh tokens in a row, over tokenSilenceMax, are
	// no accident. When a token is killed all calls in flight are refused at once, so
	// the number alone says nothing.
	tokenFailuresMax = 10
	tokenSilenceMax  = 5 * time.Second
	// silenceMax is how long WeChat may fail to answer before a person is told.
	silenceMax = 2 * time.Minute
	// probeAfter failures in a row, sends go out singly until one succeeds.
	probeAfter = 20
	probeEvery = time.Second
	// probeMax is what is claimed at a time meanwhile: as many as go out in a lease.
	probeMax = 6
)

const (
	// waitForIP is why a broadcast waits that is sent from an address off the whitelist. A
	// change of it acts after minutes; whether it has is asked each askIPAgain.
	waitForIP  = "wait.ip"
	askIPAgain = time.Minute
)

// WaitsForIP tells whether a broadcast waits until its address is on the whitelist.
func WaitsForIP(b wxcast.Broadcast) bool {
	return b.State == wxcast.BroadcastWaiting && b.Reason.Code == waitForIP
}

// pauseRights is why a channel pauses in a storm of refusals that our ledger does not bear out.
const pauseRights = "pause.rights"

// pauseTokens and pauseSilence are why all stop when WeChat does not work; single messages are
// tried again after messagesRest.
const (
	pauseTokens  = "pause.tokens"
	pauseSilence = "pause.silence"
	messagesRest = time.Minute
)

// failureWindow is the last messages whose failed share is watched: enough that a
// share of them means something.
const failureWindow = 200

// watch is the brake as all senders share it: what waits to be recorded must not
// delay it.
type watch struct {
	mu      sync.Mutex
	brake   brake
	stop    stop
	probing atomic.Bool
}

// stop is why nothing more may go out: until a person says so, or, where rest is not 0, for so
// long.
type stop struct {
	reason wxcast.Sentence
	rest   time.Duration
}

func (s stop) none() bool { return s.reason.IsZero() }

// see shows the brake a verdict, and tells whether nothing more may go out.
func (w *watch) see(v verdict) (stop bool) {
	if v.err == nil && v.outcome.State != wxcast.DeliverySent {
		return false // no call was made
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if s := w.brake.see(v, time.Now()); !s.none() && w.stop.none() {
		w.stop = s
	}
	w.probing.Store(w.brake.probing())
	return !w.stop.none()
}

// stopped is why the broadcast must stop, if it must.
func (w *watch) stopped() stop {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stop
}

// brake watches the verdicts for what no single one shows.
type brake struct {
	facts wxcast.Channel
	// Single messages have each their own text and person: that one is refused says nothing of
	// the next. And they go on by themselves when WeChat answers again.
	ofMessages     bool
	maxFailures    int
	maxFailedShare float64
	// rights are the last messages that WeChat took or refused for want of a right.
	maxRefusedShare float64
	rights          ring
	// window are the last messages that WeChat took or refused.
	window      ring
	refused     int // messages refused in a row
	tokens      int // token refusals in a row
	tokensSince time.Time
	silent      int // transient failures in a row
	silentSince time.Time
}

// see takes a verdict in, and returns why the broadcast must stop, if it must.
func (b *brake) see(v verdict, now time.Time) stop {
	if ip, off := wechat.OffWhitelist(v.err); off {
		return stop{wxcast.Say(waitForIP, "ip", ip), askIPAgain}
	}
	s := stop{reason: b.pauses(v, now)}
	if b.ofMessages && (s.reason.Code == pauseTokens || s.reason.Code == pauseSilence) {
		s.rest = messagesRest
	}
	return s
}

// pauses is why a person has to look; zero if nobody has to.
func (b *brake) pauses(v verdict, now time.Time) wxcast.Sentence {
	switch {
	case v.refused:
		b.tokens, b.silent, b.refused = 0, 0, 0
		if share := b.rights.note(v.outcome.ErrCode); share > b.maxRefusedShare {
			return wxcast.Say(pauseRights, "n", b.rights.failed, "of", failureWindow, "last", stopReason(v.err))
		}
		return wxcast.Sentence{}
	case v.class == wechat.ClassOK:
		b.rights.note(0)
	}
	switch v.class {
	case wechat.ClassConfigStop:
		return stopReason(v.err)
	case wechat.ClassMsgBad, wechat.ClassDead, wechat.ClassHeld: // what is held for review may never arrive
		b.tokens, b.silent = 0, 0
		share := b.window.note(v.outcome.ErrCode)
		if b.ofMessages {
			return wxcast.Sentence{}
		}
		if b.refused++; b.refused >= b.maxFailures {
			return wxcast.Say("pause.refused", "n", b.refused, "last", stopReason(v.err))
		}
		if share > b.maxFailedShare {
			return wxcast.Say("pause.share", "n", b.window.failed, "of", failureWindow, "codes", sampleCodes(b.codes()),
				"last", stopReason(v.err))
		}
	case wechat.ClassToken:
		if b.tokens++; b.tokens == 1 {
			b.tokensSince = now
		}
		if b.tokens >= tokenFailuresMax && now.Sub(b.tokensSince) > tokenSilenceMax {
			return wxcast.Say(pauseTokens, "n", b.tokens, "last", stopReason(v.err))
		}
	case wechat.ClassRetryNow, wechat.ClassRetryLater:
		if code := v.outcome.ErrCode; wxcast.Among(b.facts.Duplicate, code) || wxcast.Among(b.facts.TooOften, code) {
			return wxcast.Sentence{} // about this person, and no sign that WeChat is away
		}
		if b.silent++; b.silent == 1 {
			b.silentSince = now
		}
		if now.Sub(b.silentSince) > silenceMax {
			return wxcast.Say(pauseSilence, "length", silenceMax, "last", stopReason(v.err))
		}
	case wechat.ClassOK:
		b.refused, b.tokens, b.silent = 0, 0, 0
		b.window.note(0)
	}
	return wxcast.Sentence{}
}

// ring holds the errcodes of the last failureWindow messages; 0 for one that WeChat took.
type ring struct {
	codes  []int
	oldest int // its place
	failed int
}

// note adds an errcode, and returns the failed share; 0 until the ring is full.
func (r *ring) note(code int) (share float64) {
	if code != 0 {
		r.failed++
	}
	if len(r.codes) < failureWindow {
		r.codes = append(r.codes, code)
		if len(r.codes) < failureWindow {
			return 0
		}
	} else {
		if r.codes[r.oldest] != 0 {
			r.failed--
		}
		r.codes[r.oldest] = code
		r.oldest = (r.oldest + 1) % failureWindow
	}
	return float64(r.failed) / failureWindow
}

// codes counts the errcodes in the window.
func (b *brake) codes() map[int]int64 {
	counts := map[int]int64{}
	for _, code := range b.window.codes {
		if code != 0 {
			counts[code]++
		}
	}
	return counts
}

// sampleCodes names the most frequent errcodes, such as " (43101: 60, 43004: 2)"; ""
// where there is none.
func sampleCodes(counts map[int]int64) string {
	codes := slices.SortedFunc(maps.Keys(counts),
		func(a, b int) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b)) })
	if len(codes) == 0 {
		return ""
	}
	parts := make([]string, min(3, len(codes)))
	for i := range parts {
		parts[i] = fmt.Sprintf("%d: %d", codes[i], counts[codes[i]])
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// probing tells whether WeChat seems to be away, so that one message at a time
// finds out when it is back.
func (b *brake) probing() bool { return max(b.silent, b.tokens) >= probeAfter }

// stopReason is an error with what to do about it.
func stopReason(err error) wxcast.Sentence {
	if e, ok := wechat.Explain(wechat.CodeOf(err)); ok {
		return wxcast.Say("pause.errcode", "err", err.Error(), "code", e.Code, "meaning", e.Meaning, "advice", e.Advice)
	}
	return wxcast.Verbatim(err.Error())
}
