package broadcast

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	// attemptsMax is how often a delivery is tried while WeChat says "later".
	attemptsMax = 12
	retryFirst  = time.Second
	retryLast   = 30 * time.Second
	// windowMargin is kept from the end of WeChat's window: a repeat must arrive
	// inside it.
	windowMargin = 30 * time.Second
	// clocksDiffer is more than two workers' notions of the store's time come apart.
	clocksDiffer = 2 * time.Second
)

// verdict is what one attempt means: for its delivery, and for the broadcast.
type verdict struct {
	outcome wxcast.Outcome
	// unsent: the message was refused for a reason that is not the recipient's.
	// The delivery goes back as if it had not been tried.
	unsent bool
	// refused: WeChat knows no right that our ledger has.
	refused bool
	class   wechat.Class
	err     error
}

// attempt is one call for a delivery, from when it began to when it ended.
type attempt struct {
	wxcast.Delivery
	msgID      int64
	err        error
	begun, now time.Time
}

// judge decides what becomes of deliveries, by a channel's facts.
type judge struct {
	facts     wxcast.Channel
	onUnknown spec.OnUnknown
	next      string // the channel that takes over whom this one cannot reach; "" for none
}

// resends tells whether a person asked for messages in doubt to be sent again, when WeChat may
// have forgotten them. By a channel that never takes a repeat for the same nothing is.
func (j judge) resends() bool { return j.onUnknown == spec.ResendUnknown && !j.facts.NotesEach() }

// of decides what becomes of a delivery after an attempt at it.
func (j judge) of(a attempt) verdict {
	err, class := a.err, wechat.ClassOf(a.err)
	v := verdict{class: class, err: err, outcome: wxcast.Outcome{
		Recipient: a.Recipient, Message: a.Message, State: wxcast.DeliveryFailed, ErrCode: codeOf(err),
		ErrMsg:      messageOf(err),
		AttemptedAt: a.begun, OpenSince: a.OpenSince, ID: j.facts.ID(&a.Delivery),
	}}
	o := &v.outcome
	var e *wechat.Error
	if errors.As(err, &e) && e.MaybeDone && o.OpenSince.IsZero() {
		o.OpenSince = a.begun
	}
	switch {
	case err == nil:
		o.State, o.MsgID, o.OpenSince = wxcast.DeliverySent, a.msgID, time.Time{}
	case class == wechat.ClassQuotaStop, class == wechat.ClassConfigStop:
		v.unsent = true
	case o.ErrCode == codeBusy && j.facts.NotesEach() && a.Attempts > 0:
		// Whether a message is out that WeChat answers so, nobody knows: it is tried once more.
		o.State, o.OpenSince = wxcast.DeliveryUnknown, a.begun
	case j.facts.Refuses(o.ErrCode):
		switch v.refused = j.facts.RefusesRight(o.ErrCode); {
		case !a.OpenSince.IsZero():
			// Who is out of reach now may have got the attempt whose answer was lost.
			o.State = wxcast.DeliveryUnknown
		case j.next != "":
			o.State, o.FallsTo = wxcast.DeliveryPending, j.next
		}
	case !a.OpenSince.IsZero() && class == wechat.ClassMsgBad && !explained(o.ErrCode):
		o.State = wxcast.DeliveryUnknown // nobody knows whether the lost attempt was refused for the same reason
	case class == wechat.ClassHeld:
		o.State, o.OpenSince = wxcast.DeliveryUnknown, a.begun // a receipt may tell
	case wxcast.Among(j.facts.Duplicate, o.ErrCode) && !a.OpenSince.IsZero():
		// Our own lost attempt is what this one repeats: it was accepted.
		o.State, o.ErrCode, o.ErrMsg, o.OpenSince = wxcast.DeliverySent, 0, "", time.Time{}
	case class == wechat.ClassRetryNow, class == wechat.ClassRetryLater, class == wechat.ClassToken:
		o.State, o.NextAttemptAt = wxcast.DeliveryPending, a.now.Add(backOff(a.Attempts))
		if wxcast.Among(j.facts.Duplicate, o.ErrCode) {
			o.NextAttemptAt = a.now.Add(j.facts.DuplicateRest)
		}
		if a.Attempts+1 >= attemptsMax {
			o.State = wxcast.DeliveryFailed
		}
		over := j.windowOver(o.OpenSince, o.NextAttemptAt) && !j.resends()
		if !o.OpenSince.IsZero() && (o.State == wxcast.DeliveryFailed || over) {
			o.State = wxcast.DeliveryUnknown
		}
	}
	if o.State != wxcast.DeliveryPending {
		o.NextAttemptAt = time.Time{}
	}
	if out := o.State == wxcast.DeliveryFailed || o.FallsTo != ""; out && o.OpenSince.IsZero() && !v.refused {
		o.RightAt = a.RightAt // it surely did not go out
	}
	return v
}

// backOff is the wait before the next attempt, with jitter.
func backOff(attempts int) time.Duration {
	wait := min(retryFirst<<min(attempts, 10), retryLast)
	return wait/2 + rand.N(wait/2)
}

// windowOver tells whether WeChat may have forgotten, at t, a message that was first sent at
// openSince: then a repeat would be another one. A channel that never takes a repeat for the
// same has no window at all. A clock that went back closes it: how long ago that was, nobody
// knows.
func (j judge) windowOver(openSince, t time.Time) bool {
	return j.facts.DedupWindow == 0 || t.Sub(openSince) > j.facts.DedupWindow-windowMargin ||
		openSince.Sub(t) > clocksDiffer
}

// expired is the end of a delivery whose lost attempt cannot be repeated any more.
func expired(d wxcast.Delivery) wxcast.Outcome {
	return wxcast.Outcome{
		Recipient: d.Recipient, Message: d.Message, State: wxcast.DeliveryUnknown, ErrCode: wxcast.ErrCodeTransport,
		OpenSince: d.OpenSince,
		ErrMsg:    wxcast.Say("outcome.window_over").Kept(),
	}
}

func codeOf(err error) int {
	switch code := wechat.CodeOf(err); {
	case err == nil:
		return 0
	case code == 0:
		return wxcast.ErrCodeTransport
	default:
		return code
	}
}

// explained tells whether it is known what an errcode says.
func explained(code int) bool {
	_, ok := wechat.Explain(code)
	return ok
}

// messageMax keeps one strange answer from filling the ledger.
const messageMax = 200

func messageOf(err error) string {
	if err == nil {
		return ""
	}
	var said wxcast.Said
	if errors.As(err, &said) {
		return said.Sentence().Kept()
	}
	text := err.Error()
	var e *wechat.Error
	if errors.As(err, &e) && e.ErrCode != 0 {
		text = e.ErrMsg
		if e.RID != "" {
			text += " rid: " + e.RID
		}
	}
	if len(text) > messageMax {
		text = text[:messageMax]
		for len(text) > 0 && text[len(text)-1]&0xC0 == 0x80 {
			text = text[:len(text)-1]
		}
	}
	return text
}
