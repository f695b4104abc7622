package broadcast

import (
	"fmt"
	"time"

	"github.com/wxcast/wxcast/internal/wechat"
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
)

// brake watches the verdicts for what no single one shows. It is used by one
// goroutine.
type brake struct {
	maxFailures int
	refused     int // messages refused in a row
	tokens      int // token refusals in a row
	tokensSince time.Time
	silent      int // transient failures in a row
	silentSince time.Time
}

// see takes a verdict in, and returns why the broadcast must pause; "" if it need not.
func (b *brake) see(v verdict, now time.Time) (pause string) {
	switch v.class {
	case wechat.ClassConfigStop:
		return stopReason(v.err)
	case wechat.ClassMsgBad, wechat.ClassDead:
		b.tokens, b.silent = 0, 0
		if b.refused++; b.refused >= b.maxFailures {
			return fmt.Sprintf("%d messages in a row were refused, the last with %s", b.refused, stopReason(v.err))
		}
	case wechat.ClassToken:
		if b.tokens++; b.tokens == 1 {
			b.tokensSince = now
		}
		if b.tokens >= tokenFailuresMax && now.Sub(b.tokensSince) > tokenSilenceMax {
			return fmt.Sprintf("%d fresh access tokens in a row were refused, the last with %s", b.tokens, stopReason(v.err))
		}
	case wechat.ClassRetryNow, wechat.ClassRetryLater:
		if code := v.outcome.ErrCode; code == codeDuplicate || code == codeTooOften {
			return "" // about this person, and no sign that WeChat is away
		}
		if b.silent++; b.silent == 1 {
			b.silentSince = now
		}
		if now.Sub(b.silentSince) > silenceMax {
			return fmt.Sprintf("nothing got through for %v, the last try ended with %s", silenceMax, stopReason(v.err))
		}
	case wechat.ClassOK:
		*b = brake{maxFailures: b.maxFailures}
	}
	return ""
}

// probing tells whether WeChat seems to be away, so that one message at a time
// finds out when it is back.
func (b *brake) probing() bool { return max(b.silent, b.tokens) >= probeAfter }

// stopReason is an error with what to do about it.
func stopReason(err error) string {
	text := err.Error()
	if e, ok := wechat.Explain(wechat.CodeOf(err)); ok {
		text += ": " + e.Meaning.EN + ". " + e.Advice.EN
	}
	return text
}
