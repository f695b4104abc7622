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
	"fmt"
	"time"

	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Store keeps broadcasts and their deliveries.
type Store interface {
	Now() time.Time
	SyncClock(ctx context.Context) error

	AddBroadcast(ctx context.Context, b wxcast.Broadcast) (_ wxcast.Broadcast, added bool, err error)
	Broadcast(ctx context.Context, id int64) (wxcast.Broadcast, error)
	BroadcastsByName(ctx context.Context, accountID int64, name string) ([]wxcast.Broadcast, error)
	MoveBroadcast(ctx context.Context, id int64, from, to wxcast.BroadcastState, reason string, resumeAt time.Time) (bool, error)
	SetRate(ctx context.Context, id int64, rate float64, priority int) error
	MoveCanary(ctx context.Context, id int64, from, to wxcast.CanaryState, until time.Time) (bool, error)
	FixRecipients(ctx context.Context, id int64, limit int) (fixed bool, err error)
	Tally(ctx context.Context, id int64) (wxcast.Tally, error)

	Claim(ctx context.Context, req wxcast.ClaimRequest) (wxcast.Claim, error)
	RenewLeases(ctx context.Context, worker string, ttl time.Duration) (renewed []int64, err error)
	RecordOutcomes(ctx context.Context, id int64, worker string, outcomes []wxcast.Outcome, doneLeases []int64) error
	GiveBack(ctx context.Context, b wxcast.Broadcast, c wxcast.Claim) error
	TakeSlot(ctx context.Context, accountID int64, length, lead time.Duration) (wxcast.Slot, error)
	SlowDown(ctx context.Context, accountID int64) (share float64, err error)

	Unfollow(ctx context.Context, accountID int64, openids []wxcast.OpenID) (int64, error)

	SaveQuota(ctx context.Context, accountID int64, day wxcast.Day, q wxcast.Quota) error
	SpendQuota(ctx context.Context, accountID int64, api string, day wxcast.Day) error
}

// Sender is WeChat, as far as a broadcast calls it.
type Sender interface {
	SendTemplate(ctx context.Context, m wechat.TemplateMessage) (msgID int64, err error)
	BatchGetUsers(ctx context.Context, openids []wxcast.OpenID) ([]wxcast.Follower, wechat.DetailCalls, error)
	GetQuota(ctx context.Context, api string) (wxcast.Quota, error)
}

// Begin is how a new broadcast begins.
type Begin struct {
	State wxcast.BroadcastState // running, draft or scheduled
	At    time.Time             // of a scheduled one
	Rate  float64
}

// Find returns the spec's broadcast, making it if there is none yet and prepare, which
// says whom to send to, gives no error: the same name and content are the same
// broadcast, and found is true. A name that stands for another unfinished content is a
// *wxcast.BadInput.
func Find(ctx context.Context, store Store, s *Spec, accountID, miniID int64, begin Begin, prepare func() (wxcast.Audience, error)) (b wxcast.Broadcast, found bool, err error) {
	if b, found, err = lookUp(ctx, store, s, accountID, miniID); err != nil || found {
		return b, found, err
	}
	audience, err := prepare()
	if err != nil {
		return b, false, err
	}
	b, added, err := store.AddBroadcast(ctx, wxcast.Broadcast{
		AccountID: accountID, MiniID: miniID, Name: s.Name, ContentHash: s.ContentHash(), Spec: s.Text(), Audience: audience,
		MessageKey: NewMessageKey(), State: begin.State, ResumeAt: begin.At, Rate: begin.Rate, Priority: s.Priority, CanaryShare: s.Canary.Share,
	})
	if err != nil || added {
		return b, false, err
	}
	return lookUp(ctx, store, s, accountID, miniID) // another process was faster
}

func lookUp(ctx context.Context, store Store, s *Spec, accountID, miniID int64) (b wxcast.Broadcast, found bool, err error) {
	hash := s.ContentHash()
	known, err := store.BroadcastsByName(ctx, accountID, s.Name)
	if err != nil {
		return b, false, err
	}
	for _, b := range known {
		if b.ContentHash == hash && b.MiniID == miniID {
			return b, true, nil
		}
	}
	for _, b := range known {
		if !b.State.Final() {
			return b, false, s.Bad("name", fmt.Sprintf("%q is the name of broadcast %d, which is %s and has another content", s.Name, b.ID, b.State),
				"give this one another name, or finish that one first")
		}
	}
	return b, false, nil
}
