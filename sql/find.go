package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// A claim whose time is for few looks at lookMore times as many while nobody of those found may
// leave, but at no more than lookMost: with one at a time, people who all wait for an older
// message would be asked for in a circle that never rests.
const (
	lookMore = 4
	lookMost = 256
)

// look finds at most n deliveries that may leave, of which no more than freshMax are fresh, and
// tells whether there were any, those who must not leave among them.
func (t *claimTx) look(ctx context.Context, c *wxcast.Claim, n int, freshMax int64) (found bool, err error) {
	for wide := n; ; wide *= lookMore {
		from := t.last
		if err := t.find(ctx, wide, freshMax); err != nil || len(t.due) == 0 && t.last == from {
			return found, err
		}
		found = true
		if err := t.leaveOut(ctx, c); err != nil {
			return true, err
		}
		if len(t.due)+len(t.fresh) > 0 || wide >= lookMost {
			t.keep(n, from)
			return true, nil
		}
	}
}

// keep leaves those behind the first n for the next claim; of the fresh ones they were looked for
// from a recipient on.
func (t *claimTx) keep(n int, from wxcast.Recipient) {
	if len(t.due)+len(t.fresh) <= n {
		return
	}
	t.due = t.due[:min(n, len(t.due))]
	t.fresh, t.all, t.last = t.fresh[:min(n-len(t.due), len(t.fresh))], false, from
	if len(t.fresh) > 0 {
		t.last = t.fresh[len(t.fresh)-1].Recipient
	}
}

// find looks for at most n deliveries: due retries, then fresh ones, of which no more than
// freshMax.
func (t *claimTx) find(ctx context.Context, n int, freshMax int64) error {
	due := t.db.q.DueDeliveries
	if t.audience.MiniUsers {
		due = t.db.q.DueDeliveriesOfMiniUsers
	}
	if t.b.AnyDue {
		if err := t.tx.SelectContext(ctx, &t.due, due, t.ref.AccountID, t.ref.ID, t.now, n, t.b.MiniID,
			t.req.Profile, t.b.OthersOptedOut, nullTime(t.lostAfter), t.req.Channel.Name); err != nil {
			return err
		}
	}
	if t.ofMessages() {
		t.onePerPerson()
	}
	n = int(min(int64(n-len(t.due)), freshMax))
	if n <= 0 || !t.wantsFresh() {
		t.fresh, t.all = nil, false
		return nil
	}
	if !t.ahead {
		if err := t.selectFresh(ctx, n); err != nil {
			return err
		}
		t.all = len(t.fresh) < n
	}
	t.ahead = false
	if len(t.fresh) > n {
		t.fresh, t.all = t.fresh[:n], false
	}
	if len(t.fresh) == 0 {
		return nil
	}
	t.last = t.fresh[len(t.fresh)-1].Recipient
	t.fresh = slices.DeleteFunc(t.fresh, func(d deliveryRow) bool { return !d.Fresh })
	return nil
}

// wantsFresh tells whether whom nobody has tried yet may be claimed.
func (t *claimTx) wantsFresh() bool {
	return t.b.Canary == wxcast.CanaryNone && t.lostAfter.IsZero() && t.ownsFresh()
}

// lookAhead finds the fresh ones of a small broadcast before the account's row is locked: while
// it is, no other of its broadcasts gets work. Nobody else claims of this one meanwhile. They may
// be more than there is time and quota for, and too early: of a large broadcast that would cost
// too much.
func (t *claimTx) lookAhead(ctx context.Context) error {
	if !t.small() || !t.wantsFresh() {
		return nil
	}
	n := int(t.inSpan(1))
	if err := t.selectFresh(ctx, n); err != nil {
		return err
	}
	t.ahead, t.all = true, len(t.fresh) < n
	return nil
}

// onePerPerson leaves a person's second message to the next claim: what a person has had, and
// what they allow, is known for each claim.
func (t *claimTx) onePerPerson() {
	seen := make(map[wxcast.Recipient]bool, len(t.due))
	t.due = slices.DeleteFunc(t.due, func(d deliveryRow) bool {
		twice := seen[d.Recipient]
		seen[d.Recipient] = true
		return twice
	})
}

// selectFresh reads the next n deliveries behind what was leased before.
func (t *claimTx) selectFresh(ctx context.Context, n int) error {
	t.fresh = make([]deliveryRow, 0, n)
	args := []any{t.ref.AccountID, t.ref.ID, t.last, n, t.b.MiniID, t.req.Profile, t.b.OthersOptedOut}
	if t.audience.MiniUsers {
		return t.tx.SelectContext(ctx, &t.fresh, t.db.q.FreshDeliveriesOfMiniUsers, args...)
	}
	if !t.db.dense(t.ref) {
		if err := t.tx.SelectContext(ctx, &t.fresh, t.db.q.FreshDeliveries, args...); err != nil || len(t.fresh) == 0 {
			return err
		}
		return t.db.learnDensity(ctx, t.tx, t.ref, t.b.MiniID,
			span{t.last, t.fresh[len(t.fresh)-1].Recipient, len(t.fresh)})
	}
	return t.db.inOrder(ctx, t.tx, func() error {
		return t.tx.SelectContext(ctx, &t.fresh, t.db.q.FreshDeliveriesInOrder, args...)
	})
}

type deliveryRow struct {
	Recipient     wxcast.Recipient
	Message       int64
	ExpiresAt     sql.NullTime   `db:"expires_at"`
	Attempts      int            `db:"attempts"`
	OpenSince     sql.NullTime   `db:"open_since"`
	UnionID       sql.NullString `db:"unionid"`
	SubscribeTime sql.NullTime   `db:"subscribe_time"`
	Remark        sql.NullString `db:"remark"`
	Tags          sql.NullString `db:"tags"`
	Vars          sql.NullString `db:"vars"`
	RightAt       sql.NullTime   `db:"right_at"`
	RightUntil    time.Time      `db:"-"`
	Fresh         bool           `db:"fresh"`
	Subscribed    bool           `db:"subscribed"`
	OptedOut      bool           `db:"opted_out"`
	MiniOpenID    sql.NullString `db:"mini_openid"`
}

func (r deliveryRow) key() wxcast.DeliveryKey {
	return wxcast.DeliveryKey{Recipient: r.Recipient, Message: r.Message}
}

func (r deliveryRow) delivery() wxcast.Delivery {
	var tags []int
	if r.Tags.String != "" && r.Tags.String != "[]" {
		// Our own JSON; a hand-edited row that is none has no tags.
		_ = json.Unmarshal([]byte(r.Tags.String), &tags)
	}
	openid := wxcast.OpenID(r.Recipient)
	if r.MiniOpenID.String == string(r.Recipient) { // they follow nothing
		openid = ""
	}
	return wxcast.Delivery{
		Recipient: r.Recipient, Message: r.Message, ExpiresAt: utc(r.ExpiresAt), RightAt: utc(r.RightAt),
		RightUntil: r.RightUntil,
		Follower: wxcast.Follower{
			OpenID: openid, UnionID: wxcast.UnionID(r.UnionID.String), Subscribed: r.Subscribed,
			SubscribeTime: utc(r.SubscribeTime), Remark: r.Remark.String, Tags: tags,
		},
		MiniOpenID: wxcast.MiniOpenID(r.MiniOpenID.String),
		Vars:       variables(r.Vars),
		Attempts:   r.Attempts,
		OpenSince:  utc(r.OpenSince),
	}
}
