package broadcast

import (
	"errors"
	"testing"
	"time"

	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// byFacts judges by a channel that takes repeats for 10 minutes, as template messages do.
var byFacts = judge{facts: wxcast.Channel{
	API: "/send", DedupWindow: 10 * time.Minute, Gone: []int{43004}, Duplicate: []int{40241},
	DuplicateRest: 65 * time.Second, TooOften: []int{43117},
}, onUnknown: spec.SkipUnknown}

// A channel that never takes a repeat for the same message: what was lost is never tried again.
func TestWithoutAWindowALostOutcomeIsUnknownAtOnce(t *testing.T) {
	now := time.Now()
	j := judge{facts: wxcast.Channel{API: "/send"}, onUnknown: spec.SkipUnknown}
	if v := j.of(attempt{err: &wechat.Error{Err: errors.New("EOF"), MaybeDone: true}, begun: now,
		now: now}); v.outcome.State != wxcast.DeliveryUnknown {
		t.Errorf("lost: %s, want unknown: a repeat would be a second message", v.outcome.State)
	}
	if v := j.of(attempt{err: &wechat.Error{Err: errors.New("refused")}, begun: now,
		now: now}); v.outcome.State != wxcast.DeliveryPending {
		t.Errorf("never sent: %s, want pending: nothing is out", v.outcome.State)
	}
}

// What becomes of a delivery, by what WeChat answered and what was known before.
func TestJudge(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	recently, long := now.Add(-time.Minute), now.Add(-9*time.Minute-40*time.Second)
	code := func(c int) error { return &wechat.Error{ErrCode: c} }
	lost := &wechat.Error{Err: errors.New("EOF"), MaybeDone: true}
	refused := &wechat.Error{Err: errors.New("connection refused")}
	for name, test := range map[string]struct {
		err      error
		before   wxcast.Delivery
		state    wxcast.DeliveryState
		open     bool
		unsent   bool
		atLeast  time.Duration // until the next attempt
		wantCode int
	}{
		"accepted": {nil, wxcast.Delivery{OpenSince: recently}, wxcast.DeliverySent, false,
			false, 0, 0},
		"does not follow": {code(43004), wxcast.Delivery{}, wxcast.DeliveryFailed, false, false,
			0, 43004},
		"a bad value": {code(47003), wxcast.Delivery{}, wxcast.DeliveryFailed, false, false,
			0, 47003},
		"a code that nobody knows": {code(12345), wxcast.Delivery{}, wxcast.DeliveryFailed, false, false,
			0, 12345},
		"held for review": {code(40252), wxcast.Delivery{}, wxcast.DeliveryUnknown, true, false,
			0, 40252},
		"too fast": {code(45011), wxcast.Delivery{}, wxcast.DeliveryPending, false, false,
			100 * time.Millisecond, 45011},
		"a refused token": {code(40001), wxcast.Delivery{}, wxcast.DeliveryPending, false, false,
			100 * time.Millisecond, 40001},
		"busy, so perhaps done": {&wechat.Error{ErrCode: -1, MaybeDone: true}, wxcast.Delivery{},
			wxcast.DeliveryPending, true, false, 100 * time.Millisecond, -1},
		"lost": {lost, wxcast.Delivery{}, wxcast.DeliveryPending, true, false,
			100 * time.Millisecond, wxcast.ErrCodeTransport},
		"not even connected": {refused, wxcast.Delivery{}, wxcast.DeliveryPending, false, false,
			100 * time.Millisecond, wxcast.ErrCodeTransport},
		"lost again, the window nearly over": {lost, wxcast.Delivery{OpenSince: long}, wxcast.DeliveryUnknown, true,
			false, 0, wxcast.ErrCodeTransport},
		"gone now, and perhaps done before": {code(43004), wxcast.Delivery{OpenSince: recently},
			wxcast.DeliveryUnknown, true, false, 0, 43004},
		"a bad value, as it was before": {code(47003), wxcast.Delivery{OpenSince: recently}, wxcast.DeliveryFailed,
			true, false, 0, 47003},
		"a code that nobody knows, perhaps done before": {code(12345), wxcast.Delivery{OpenSince: recently},
			wxcast.DeliveryUnknown, true, false, 0, 12345},
		"a duplicate of our own lost one": {code(40241), wxcast.Delivery{OpenSince: recently},
			wxcast.DeliverySent, false, false, 0, 0},
		"a duplicate of something else": {code(40241), wxcast.Delivery{}, wxcast.DeliveryPending, false, false,
			time.Minute, 40241},
		"the last try, never perhaps done": {code(45011), wxcast.Delivery{Attempts: attemptsMax - 1},
			wxcast.DeliveryFailed, false, false, 0, 45011},
		"the last try, perhaps done": {lost, wxcast.Delivery{Attempts: attemptsMax - 1},
			wxcast.DeliveryUnknown, true, false, 0, wxcast.ErrCodeTransport},
		"nothing left today": {code(45009), wxcast.Delivery{}, wxcast.DeliveryFailed, false, true, 0,
			45009},
		"nothing works until somebody mends it": {code(40037), wxcast.Delivery{}, wxcast.DeliveryFailed, false, true, 0,
			40037},
	} {
		t.Run(name, func(t *testing.T) {
			v := byFacts.of(attempt{test.before, 1 << 60, test.err, now.Add(-time.Second), now})
			o := v.outcome
			if v.unsent != test.unsent {
				t.Errorf("unsent %v", v.unsent)
			}
			if test.unsent {
				return
			}
			if o.State != test.state || !o.OpenSince.IsZero() != test.open || o.ErrCode != test.wantCode {
				t.Errorf("%+v", o)
			}
			if wait := o.NextAttemptAt.Sub(now); (o.State == wxcast.DeliveryPending) != !o.NextAttemptAt.IsZero() ||
				o.State == wxcast.DeliveryPending && wait < test.atLeast {
				t.Errorf("next attempt in %v", wait)
			}
			if (o.State == wxcast.DeliverySent) != (o.MsgID != 0) && test.wantCode == 0 && test.err == nil {
				t.Errorf("msgid %d", o.MsgID)
			}
		})
	}
}

func TestTheBrakeKnowsOnePersonsTroubleFromWeChats(t *testing.T) {
	now := time.Now()
	b := brake{facts: byFacts.facts, maxFailures: 50, maxFailedShare: 0.5}
	for range 100 {
		v := byFacts.of(attempt{err: &wechat.Error{ErrCode: 40241}, begun: now, now: now})
		if reason := b.pauses(v, now.Add(time.Hour)); !reason.IsZero() || b.probing() {
			t.Fatalf("duplicates: %v, probing %v", reason, b.probing())
		}
	}
	for i := range 30 {
		v := byFacts.of(attempt{err: &wechat.Error{Err: errors.New("EOF")}, begun: now, now: now})
		if reason := b.pauses(v, now.Add(time.Duration(i)*time.Second)); !reason.IsZero() {
			t.Fatalf("after %d seconds: %s", i, reason)
		}
	}
	if !b.probing() {
		t.Error("30 failures in a row, and no probing")
	}
	if reason := b.pauses(verdict{class: wechat.ClassRetryLater, err: errors.New("EOF")},
		now.Add(silenceMax+time.Second)); reason.IsZero() {
		t.Error("silent for two minutes, and nobody is told")
	}
	b.see(verdict{class: wechat.ClassOK}, now)
	if b.probing() {
		t.Error("one success, and still probing")
	}
}

// WeChat may reset its counters some time after midnight in Beijing, 16:00 UTC.
func TestASpentQuotaIsLookedAtAgain(t *testing.T) {
	for at, want := range map[string]string{
		"2026-11-20T12:00:00Z": "2026-11-20T16:05:00Z",
		"2026-11-20T16:05:00Z": "2026-11-20T16:15:00Z",
		"2026-11-20T18:59:00Z": "2026-11-20T19:09:00Z",
		"2026-11-20T19:00:00Z": "2026-11-21T16:05:00Z",
	} {
		now, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := quotaAgain(now).UTC().Format(time.RFC3339); got != want {
			t.Errorf("%s: %s, want %s", at, got, want)
		}
	}
}
