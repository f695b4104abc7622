// Package broadcast sends one message to each of a fixed set of recipients: no
// one skipped, no one twice, never over the rate, never over the quota.
//
// The recipients are rows of the store. Any number of workers claim them, and
// what a worker did not record before its lease ended is due again, with the same
// client_msg_id, which WeChat takes only once in ten minutes. docs/states.md
// draws the states and their moves.
package broadcast

import (
	"context"
	"time"

	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Store keeps broadcasts and their deliveries.
type Store interface {
	Now() time.Time
	SyncClock(ctx context.Context) error
	ClockJumped() time.Time

	AddBroadcast(ctx context.Context, b wxcast.Broadcast) (_ wxcast.Broadcast, added bool, err error)
	Broadcast(ctx context.Context, ref wxcast.BroadcastRef) (wxcast.Broadcast, error)
	BroadcastsByName(ctx context.Context, accountID int64, name string) ([]wxcast.Broadcast, error)
	MoveBroadcast(ctx context.Context, ref wxcast.BroadcastRef, m wxcast.Move) (bool, error)
	SetRate(ctx context.Context, ref wxcast.BroadcastRef, rate float64, priority int) error
	MoveCanary(ctx context.Context, ref wxcast.BroadcastRef, m wxcast.CanaryMove) (bool, error)
	FixTogether(ctx context.Context, accountID int64, ids []int64, limit int) ([]wxcast.Fixing, error)
	Tally(ctx context.Context, ref wxcast.BroadcastRef) (wxcast.Tally, error)

	Claim(ctx context.Context, req wxcast.ClaimRequest) (wxcast.Claim, error)
	RenewLeases(ctx context.Context, accountID int64, worker string, held []int64, ttl time.Duration) (renewed []int64,
		err error)
	RecordOutcomes(ctx context.Context, r wxcast.Recording) (over bool, err error)
	GiveBack(ctx context.Context, b wxcast.Broadcast, c wxcast.Claim) error
	HandOver(ctx context.Context, ref wxcast.BroadcastRef, channel wxcast.Channel,
		deliveries []wxcast.DeliveryKey) (ours []wxcast.DeliveryKey, err error)
	SettleRefusals(ctx context.Context, ref wxcast.BroadcastRef, channel wxcast.Channel, refused []wxcast.Refusal,
		believed bool) error
	BroadcastChannels(ctx context.Context, ref wxcast.BroadcastRef) ([]wxcast.BroadcastChannel, error)
	StopChannel(ctx context.Context, ref wxcast.BroadcastRef, channel string, m wxcast.Move) error
	WakeChannels(ctx context.Context, ref wxcast.BroadcastRef, all bool) error
	Strand(ctx context.Context, ref wxcast.BroadcastRef) error
	PauseAfterLoss(ctx context.Context, accountID int64, loss wxcast.Loss) error
	CloseDoubts(ctx context.Context, ref wxcast.BroadcastRef, channel wxcast.Channel, lane wxcast.Lane,
		after time.Duration) error
	TakeSlot(ctx context.Context, accountID int64, lane wxcast.Lane, n int, rate float64,
		lead time.Duration) (wxcast.Slot, error)
	Survey(ctx context.Context, accountID int64, ids, held []int64) ([]wxcast.Standing, error)
	SlowDown(ctx context.Context, accountID int64, lane wxcast.Lane) (share float64, err error)

	Unfollow(ctx context.Context, accountID int64, openids []wxcast.OpenID, asOf time.Time) (int64, error)

	ReadQuota(ctx context.Context, lane wxcast.Lane, day wxcast.Day,
		ask func(ctx context.Context, api string) (wxcast.Quota, error)) (wxcast.Quota, error)
	SpendQuota(ctx context.Context, lane wxcast.Lane, day wxcast.Day) error
}

// Channel sends one broadcast's messages. It is safe for concurrent use.
type Channel interface {
	// Facts are what the engine goes by.
	Facts() wxcast.Channel
	// Profile tells whether the message names what only the follower's row tells: unionid,
	// remark, tags or the time of following.
	Profile() bool
	// Send makes one call for a delivery, with the same id on every attempt. A
	// *spec.ValueError means that none was made: the recipient's values do not fit.
	Send(ctx context.Context, d *wxcast.Delivery) (msgID int64, err error)
}

// Platform is WeChat, as far as a broadcast asks it something.
type Platform interface {
	BatchGetUsers(ctx context.Context, openids []wxcast.OpenID) ([]wxcast.Follower, wechat.DetailCalls, error)
	GetQuota(ctx context.Context, api string) (wxcast.Quota, error)
}

// Begin is how a new broadcast begins.
type Begin struct {
	AccountID, MiniID int64

	Channels []wxcast.BroadcastChannel
	Files    map[string][]byte // that the spec names, such as a card's picture

	State wxcast.BroadcastState // running, draft or scheduled
	At    time.Time             // of a scheduled one
	Rate  float64
	// Makers are the users who wrote it, where users did.
	Makers []string
}

// Find returns the spec's broadcast, making it if there is none yet and prepare, which
// says whom to send to, gives no error: the same name and content are the same
// broadcast, and found is true. A name that stands for another unfinished content is a
// *wxcast.BadInput.
func Find(ctx context.Context, store Store, s *spec.Spec, begin Begin,
	prepare func() (wxcast.Audience, error)) (b wxcast.Broadcast, found bool, err error) {
	if b, found, err = lookUp(ctx, store, s, begin); err != nil || found {
		return b, found, err
	}
	audience, err := prepare()
	if err != nil {
		return b, false, err
	}
	b, added, err := store.AddBroadcast(ctx, wxcast.Broadcast{
		AccountID: begin.AccountID, MiniID: begin.MiniID, Channels: begin.Channels, Files: begin.Files,
		Makers: begin.Makers,
		Name:   s.Name, ContentHash: s.ContentHash(), Spec: s.Text(), Audience: audience,
		MessageKey: wxcast.NewMessageKey(),
		State:      begin.State, ResumeAt: begin.At, Rate: begin.Rate, Priority: s.Priority,
		CanaryShare: s.Canary.Share,
	})
	if err != nil || added {
		return b, false, err
	}
	return lookUp(ctx, store, s, begin) // another process was faster
}

func lookUp(ctx context.Context, store Store, s *spec.Spec, begin Begin) (b wxcast.Broadcast, found bool, err error) {
	hash := s.ContentHash()
	known, err := store.BroadcastsByName(ctx, begin.AccountID, s.Name)
	if err != nil {
		return b, false, err
	}
	for _, b := range known {
		if b.ContentHash == hash && b.MiniID == begin.MiniID && !b.OfMessages() {
			return b, true, nil
		}
	}
	for _, b := range known {
		if !b.State.Final() && !b.OfMessages() {
			return b, false, s.Bad("name", wxcast.Say("broadcast.name_taken", "name", s.Name, "id", b.ID, "state",
				wxcast.Say("state."+string(b.State))),
				wxcast.Say("broadcast.want_other_name"))
		}
	}
	return b, false, nil
}
