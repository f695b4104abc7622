package broadcast

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	// attemptsMax is how often a delivery is tried while WeChat says "later".
	attemptsMax = 12
	retryFirst  = time.Second
	retryLast   = 30 * time.Second
	// duplicateRest is longer than the 60 seconds of errcode 40241.
	duplicateRest = 65 * time.Second
	// windowMargin is kept from the end of WeChat's window: a repeat must arrive
	// inside it.
	windowMargin = 30 * time.Second
)

// Codes about one person that say "later".
const (
	codeDuplicate = 40241 // the same message within 60 seconds
	codeTooOften  = 43117 // too many messages
)

// verdict is what one attempt means: for its delivery, and for the broadcast.
type verdict struct {
	outcome wxcast.Outcome
	// unsent: the message was refused for a reason that is not the recipient's.
	// The delivery goes back as if it had not been tried.
	unsent bool
	class  wechat.Class
	err    error
}

// judge decides what becomes of a delivery after an attempt at it. attemptedAt
// is when the call began, now when it ended.
func judge(d wxcast.Delivery, msgID int64, err error, attemptedAt, now time.Time, onUnknown OnUnknown) verdict {
	class := wechat.ClassOf(err)
	v := verdict{class: class, err: err, outcome: wxcast.Outcome{
		OpenID: d.OpenID, State: wxcast.DeliveryFailed, ErrCode: codeOf(err), ErrMsg: messageOf(err),
		AttemptedAt: attemptedAt, OpenSince: d.OpenSince,
	}}
	o := &v.outcome
	var e *wechat.Error
	if errors.As(err, &e) && e.MaybeDone && o.OpenSince.IsZero() {
		o.OpenSince = attemptedAt
	}
	switch {
	case err == nil:
		o.State, o.MsgID, o.OpenSince = wxcast.DeliverySent, msgID, time.Time{}
	case class == wechat.ClassQuotaStop, class == wechat.ClassConfigStop:
		v.unsent = true
	case class == wechat.ClassHeld:
		o.State, o.OpenSince = wxcast.DeliveryUnknown, attemptedAt // a receipt may tell
	case o.ErrCode == codeDuplicate && !d.OpenSince.IsZero():
		// Our own lost attempt is what this one repeats: it was accepted.
		o.State, o.ErrCode, o.ErrMsg, o.OpenSince = wxcast.DeliverySent, 0, "", time.Time{}
	case class == wechat.ClassRetryNow, class == wechat.ClassRetryLater, class == wechat.ClassToken:
		o.State, o.NextAttemptAt = wxcast.DeliveryPending, now.Add(backOff(d.Attempts))
		if o.ErrCode == codeDuplicate {
			o.NextAttemptAt = now.Add(duplicateRest)
		}
		if d.Attempts+1 >= attemptsMax {
			o.State = wxcast.DeliveryFailed
		}
		over := windowOver(o.OpenSince, o.NextAttemptAt) && onUnknown != ResendUnknown
		if !o.OpenSince.IsZero() && (o.State == wxcast.DeliveryFailed || over) {
			o.State = wxcast.DeliveryUnknown
		}
	}
	if o.State != wxcast.DeliveryPending {
		o.NextAttemptAt = time.Time{}
	}
	return v
}

// backOff is the wait before the next attempt, with jitter.
func backOff(attempts int) time.Duration {
	wait := min(retryFirst<<min(attempts, 10), retryLast)
	return wait/2 + rand.N(wait/2)
}

// windowOver tells whether WeChat may have forgotten, at t, a client_msg_id that
// was first sent at openSince.
func windowOver(openSince, t time.Time) bool {
	return t.Sub(openSince) > wxcast.DedupWindow-windowMargin
}

// expired is the end of a delivery whose lost attempt cannot be repeated any more.
func expired(d wxcast.Delivery) wxcast.Outcome {
	return wxcast.Outcome{
		OpenID: d.OpenID, State: wxcast.DeliveryUnknown, ErrCode: wxcast.ErrCodeTransport, OpenSince: d.OpenSince,
		ErrMsg: "the outcome was lost, and WeChat's 10 minutes for repeating it are over",
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

// messageMax keeps one strange answer from filling the ledger.
const messageMax = 200

func messageOf(err error) string {
	if err == nil {
		return ""
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
