package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// TemplateSendAPI is the API whose quota a claim reserves.
const TemplateSendAPI = "/cgi-bin/message/template/send"

// Claim gives a worker its next deliveries: retries that are due first, then
// fresh ones in openid order. One transaction leases them, reserves their quota
// and takes a time slot for them, so that any number of workers together send no
// one twice, never more than the quota and never faster than the rate.
//
// The fresh ones are covered by one lease row over their range; a retry is
// covered by its own next_attempt_at. Outcomes that no one records before the
// lease ends are taken for lost, and due again.
func (db *DB) Claim(ctx context.Context, req wxcast.ClaimRequest) (c wxcast.Claim, err error) {
	err = db.tx(ctx, func(tx *sqlx.Tx) error {
		c = wxcast.Claim{}
		return (&claimTx{db: db, tx: tx, req: req, now: db.Now()}).run(ctx, &c)
	})
	if err != nil {
		return c, fmt.Errorf("claim deliveries of broadcast %d: %w", req.BroadcastID, err)
	}
	return c, nil
}

// claimTx is one claim inside its transaction.
type claimTx struct {
	db  *DB
	tx  *sqlx.Tx
	req wxcast.ClaimRequest
	now time.Time
	b   struct {
		AccountID int64 `db:"account_id"`
		MiniID    int64 `db:"mini_id"`
		State     wxcast.BroadcastState
		Fixed     bool
		LeasedTo  wxcast.OpenID `db:"leased_to"`
		StartedAt sql.NullTime  `db:"started_at"`
	}
	due, fresh []deliveryRow
}

func (t *claimTx) run(ctx context.Context, c *wxcast.Claim) error {
	if err := t.db.lockBroadcast(ctx, t.tx, t.req.BroadcastID); err != nil {
		return err
	}
	if err := t.tx.GetContext(ctx, &t.b, t.db.q.GetBroadcastForClaim, t.req.BroadcastID); err != nil {
		return err
	}
	if c.State = t.b.State; c.State != wxcast.BroadcastRunning {
		return nil
	}
	if err := t.reopenLapsed(ctx); err != nil {
		return err
	}
	// Only now the account's row: claims of its other broadcasts go on until here.
	var locked int64
	if err := t.tx.GetContext(ctx, &locked, t.db.q.LockAccount, t.b.AccountID); err != nil {
		return err
	}
	allowed, read, err := t.allowance(ctx)
	if err != nil {
		return err
	}
	most := int(min(int64(t.req.Max), allowed))
	if most > 0 {
		if err := t.find(ctx, most); err != nil {
			return err
		}
	}
	if len(t.due)+len(t.fresh) > 0 {
		return t.take(ctx, c)
	}
	if err := t.whyEmpty(ctx, c); err != nil {
		return err
	}
	if !c.Exhausted && most == 0 {
		c.QuotaSpent, c.QuotaUnread = read, !read
	}
	return nil
}

// reopenLapsed makes the deliveries of dead workers due again.
func (t *claimTx) reopenLapsed(ctx context.Context) error {
	var lapsed []struct {
		ID         int64
		FromOpenID wxcast.OpenID `db:"from_openid"`
		ToOpenID   wxcast.OpenID `db:"to_openid"`
		ClaimedAt  time.Time     `db:"claimed_at"`
	}
	if err := t.tx.SelectContext(ctx, &lapsed, t.db.q.LapsedLeases, t.req.BroadcastID, t.now); err != nil {
		return err
	}
	for _, l := range lapsed {
		if _, err := t.tx.ExecContext(ctx, t.db.q.ReopenLease, t.req.BroadcastID, l.FromOpenID, l.ToOpenID, l.ClaimedAt.UTC(), t.now); err != nil {
			return err
		}
		if _, err := t.tx.ExecContext(ctx, t.db.q.DeleteLease, l.ID); err != nil {
			return err
		}
	}
	return nil
}

// allowance is how many calls today's quota still allows; read is false when
// WeChat has not been asked today.
func (t *claimTx) allowance(ctx context.Context) (allowed int64, read bool, err error) {
	var row quotaRow
	err = t.tx.GetContext(ctx, &row, t.db.q.GetQuota, t.b.AccountID, TemplateSendAPI, wxcast.DayOf(t.now))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, false, nil
	case err != nil:
		return 0, false, err
	case row.DailyLimit == 0: // WeChat gives no information: no limit of ours
		return int64(t.req.Max), true, nil
	}
	return max(0, row.DailyLimit-t.req.QuotaKeep-row.Used), true, nil
}

// find looks for at most n deliveries: due retries, then fresh ones.
func (t *claimTx) find(ctx context.Context, n int) error {
	if err := t.tx.SelectContext(ctx, &t.due, t.db.q.DueDeliveries, t.req.BroadcastID, t.now, n, t.b.AccountID, t.b.MiniID); err != nil {
		return err
	}
	if n -= len(t.due); n == 0 {
		return nil
	}
	return t.tx.SelectContext(ctx, &t.fresh, t.db.q.FreshDeliveries, t.req.BroadcastID, t.b.LeasedTo, n, t.b.AccountID, t.b.MiniID)
}

// take gives the worker what was found.
func (t *claimTx) take(ctx context.Context, c *wxcast.Claim) error {
	n := len(t.due) + len(t.fresh)
	if _, err := t.tx.ExecContext(ctx, t.db.q.AddQuota, t.b.AccountID, TemplateSendAPI, wxcast.DayOf(t.now), n); err != nil {
		return err
	}
	slotEnd, err := t.pace(ctx, c, n)
	if err != nil {
		return err
	}
	c.Day = wxcast.DayOf(t.now)
	c.RetriesUntil = slotEnd.Add(t.req.LeaseTTL)
	if len(t.due) > 0 {
		hidden := make([]dueRow, len(t.due))
		for i, d := range t.due {
			open := utc(d.OpenSince)
			if open.IsZero() {
				open = t.now
			}
			hidden[i] = dueRow{d.OpenID, jsonTime(open)}
			c.Retries = append(c.Retries, d.delivery())
		}
		if _, err := t.tx.ExecContext(ctx, t.db.q.ScheduleDeliveries, t.req.BroadcastID, c.RetriesUntil, jsonParam(hidden)); err != nil {
			return err
		}
	}
	if len(t.fresh) == 0 {
		return nil
	}
	for _, d := range t.fresh {
		c.Fresh = append(c.Fresh, d.delivery())
	}
	last := t.fresh[len(t.fresh)-1].OpenID
	until := t.now.Add(t.req.LeaseTTL)
	if err := t.tx.GetContext(ctx, &c.LeaseID, t.db.q.AddLease, t.req.BroadcastID, t.req.Worker, t.b.LeasedTo, last, t.now, until); err != nil {
		return err
	}
	_, err = t.tx.ExecContext(ctx, t.db.q.AdvanceBroadcast, t.req.BroadcastID, last, t.now)
	return err
}

// pace takes the account's next free time slot for n messages: one step of the
// generic cell rate algorithm, with no burst.
func (t *claimTx) pace(ctx context.Context, c *wxcast.Claim, n int) (slotEnd time.Time, err error) {
	var next time.Time
	err = t.tx.GetContext(ctx, &next, t.db.q.GetPacing, t.b.AccountID)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return slotEnd, err
	}
	c.SlotStart = t.now
	if next = next.UTC(); next.After(t.now) {
		c.SlotStart = next
	}
	slotEnd = c.SlotStart.Add(time.Duration(float64(n) / t.req.Rate * float64(time.Second))).Truncate(time.Microsecond)
	_, err = t.tx.ExecContext(ctx, t.db.q.PutPacing, t.b.AccountID, slotEnd)
	return slotEnd, err
}

// whyEmpty finds out why there was nothing to claim.
func (t *claimTx) whyEmpty(ctx context.Context, c *wxcast.Claim) error {
	var due time.Time
	err := t.tx.GetContext(ctx, &due, t.db.q.NextDue, t.req.BroadcastID)
	if err == nil {
		c.NextDue = due.UTC()
		return nil
	}
	if !errors.Is(err, sql.ErrNoRows) || !t.b.Fixed {
		return ignoreNoRows(err)
	}
	var fresh []deliveryRow
	if err := t.tx.SelectContext(ctx, &fresh, t.db.q.FreshDeliveries, t.req.BroadcastID, t.b.LeasedTo, 1, t.b.AccountID, t.b.MiniID); err != nil {
		return err
	}
	var leases int
	if err := t.tx.GetContext(ctx, &leases, t.db.q.CountLeases, t.req.BroadcastID); err != nil {
		return err
	}
	c.Exhausted = len(fresh) == 0 && leases == 0
	return nil
}

func ignoreNoRows(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

// RenewLeases extends all leases of a worker and returns them. One that is not
// among them has been dissolved: its deliveries are due again, for anyone.
func (db *DB) RenewLeases(ctx context.Context, worker string, ttl time.Duration) (renewed []int64, err error) {
	err = db.tx(ctx, func(tx *sqlx.Tx) error {
		renewed = renewed[:0]
		return tx.SelectContext(ctx, &renewed, db.q.RenewLeases, worker, db.Now().Add(ttl))
	})
	return renewed, err
}

// dueRow is when a delivery's lost attempt began, for schedule-deliveries.
type dueRow struct {
	OpenID    wxcast.OpenID `json:"openid"`
	OpenSince *string       `json:"open_since"`
}

// GiveBack returns deliveries that a worker claimed and did not attempt, with
// the quota that was reserved for them. They are due at once.
func (db *DB) GiveBack(ctx context.Context, b wxcast.Broadcast, claimedOn wxcast.Day, deliveries []wxcast.Delivery) error {
	rows := make([]dueRow, len(deliveries))
	for i, d := range deliveries {
		rows[i] = dueRow{d.OpenID, jsonTime(d.OpenSince)}
	}
	err := db.tx(ctx, func(tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, db.q.ScheduleDeliveries, b.ID, db.Now(), jsonParam(rows)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, db.q.AddQuota, b.AccountID, TemplateSendAPI, claimedOn, -len(rows))
		return err
	})
	if err != nil {
		return fmt.Errorf("give back %d deliveries: %w", len(rows), err)
	}
	return nil
}

type outcomeRow struct {
	OpenID        wxcast.OpenID        `json:"openid"`
	State         wxcast.DeliveryState `json:"state"`
	ErrCode       int                  `json:"errcode"`
	ErrMsg        string               `json:"errmsg"`
	MsgID         *int64               `json:"msgid"`
	AttemptedAt   *string              `json:"attempted_at"`
	OpenSince     *string              `json:"open_since"`
	NextAttemptAt *string              `json:"next_attempt_at"`
}

// RecordOutcomes writes what became of attempts, each openid once, and drops the
// leases that are thereby done. Recording the same outcomes again changes nothing.
func (db *DB) RecordOutcomes(ctx context.Context, id int64, worker string, outcomes []wxcast.Outcome, doneLeases []int64) error {
	rows := make([]outcomeRow, len(outcomes))
	calls := 0
	for i, o := range outcomes {
		if !o.AttemptedAt.IsZero() {
			calls++
		}
		var msgID *int64
		if o.MsgID != 0 {
			msgID = &o.MsgID
		}
		rows[i] = outcomeRow{o.OpenID, o.State, o.ErrCode, o.ErrMsg, msgID, jsonTime(o.AttemptedAt), jsonTime(o.OpenSince), jsonTime(o.NextAttemptAt)}
	}
	err := db.tx(ctx, func(tx *sqlx.Tx) error {
		if len(rows) > 0 {
			if _, err := tx.ExecContext(ctx, db.q.RecordOutcomes, id, jsonParam(rows)); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, db.q.CountCalls, id, TemplateSendAPI, wxcast.DayOf(db.Now()), calls); err != nil {
				return err
			}
		}
		if len(doneLeases) > 0 {
			if _, err := tx.ExecContext(ctx, db.q.DeleteLeases, worker, jsonParam(doneLeases)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("record %d outcomes of broadcast %d: %w", len(rows), id, err)
	}
	return nil
}

type deliveryRow struct {
	OpenID         wxcast.OpenID  `db:"openid"`
	Attempts       int            `db:"attempts"`
	OpenSince      sql.NullTime   `db:"open_since"`
	UnionID        sql.NullString `db:"unionid"`
	SubscribeTime  sql.NullTime   `db:"subscribe_time"`
	SubscribeScene sql.NullString `db:"subscribe_scene"`
	Remark         sql.NullString `db:"remark"`
	Tags           sql.NullString `db:"tags"`
	MiniOpenID     sql.NullString `db:"mini_openid"`
}

func (r deliveryRow) delivery() wxcast.Delivery {
	var tags []int
	if r.Tags.String != "" && r.Tags.String != "[]" {
		// Our own JSON; a hand-edited row that is none has no tags.
		_ = json.Unmarshal([]byte(r.Tags.String), &tags)
	}
	return wxcast.Delivery{
		Follower: wxcast.Follower{
			OpenID: r.OpenID, UnionID: wxcast.UnionID(r.UnionID.String), Subscribed: true,
			SubscribeTime: utc(r.SubscribeTime), Scene: r.SubscribeScene.String, Remark: r.Remark.String, Tags: tags,
		},
		MiniOpenID: wxcast.MiniOpenID(r.MiniOpenID.String),
		Attempts:   r.Attempts,
		OpenSince:  utc(r.OpenSince),
	}
}
