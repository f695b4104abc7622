package broadcast

import (
	"context"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	confirmBatch = 100 // batchget's most
	confirmEvery = 2 * time.Second
)

// confirm asks WeChat about those to whom it refused a message because they do not
// follow (one of the channel's codes for gone), and marks only those as gone of whom it says
// the same again: the code also comes in storms, when nobody has left. It ends when left is
// closed; who is not confirmed before ctx ends is left to the next sync.
func (r *runner) confirm(ctx context.Context) {
	tick := time.NewTicker(confirmEvery)
	defer tick.Stop()
	var doubted []wxcast.OpenID
	for more := true; more; {
		var openid wxcast.OpenID
		select {
		case openid, more = <-r.left:
			if more {
				doubted = append(doubted, openid)
			}
			if more && len(doubted) < confirmBatch {
				continue
			}
		case <-tick.C:
		}
		if len(doubted) == 0 || ctx.Err() != nil {
			continue
		}
		if err := r.confirmLeft(ctx, doubted); err != nil && ctx.Err() == nil {
			r.Log.WarnContext(ctx, "WeChat did not tell who has left; the next sync will ask again", "broadcast_id",
				r.b.ID, "err", err)
		}
		doubted = doubted[:0]
	}
}

func (r *runner) confirmLeft(ctx context.Context, openids []wxcast.OpenID) error {
	asked := r.store.Now()
	followers, _, err := r.Platform.BatchGetUsers(ctx, openids)
	if err != nil {
		return err
	}
	var left []wxcast.OpenID
	for _, f := range followers {
		if !f.Subscribed {
			left = append(left, f.OpenID)
		}
	}
	if len(left) == 0 {
		return nil
	}
	_, err = r.store.Unfollow(ctx, r.b.AccountID, left, asked)
	return err
}
