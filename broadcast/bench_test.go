package broadcast

import (
	"errors"
	"testing"
	"time"

	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// BenchmarkJudge decides what becomes of a delivery after an attempt.
func BenchmarkJudge(b *testing.B) {
	now, j := time.Now(), judge{onUnknown: spec.SkipUnknown}
	d := wxcast.Delivery{Follower: wxcast.Follower{OpenID: "o"}}
	for name, err := range map[string]error{"sent": nil, "gone": &wechat.Error{ErrCode: 43004},
		"lost": &wechat.Error{MaybeDone: true, Err: errors.New("connection reset")}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				j.of(attempt{d, 1, err, now, now})
			}
		})
	}
}
