package store

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/wxcast/wxcast/internal/wxcast"
)

type outcomeRow struct {
	wxcast.DeliveryKey
	State         wxcast.DeliveryState `json:"state"`
	ErrCode       int                  `json:"errcode,omitempty"`
	ErrMsg        string               `json:"errmsg,omitempty"`
	MsgID         int64                `json:"msgid,omitempty"`
	AttemptedAt   *string              `json:"attempted_at,omitempty"`
	OpenSince     *string              `json:"open_since,omitempty"`
	NextAttemptAt *string              `json:"next_attempt_at,omitempty"`
	HeldUntil     *string              `json:"held_until,omitempty"` // a retry that goes on: it is due then still
}

// RecordOutcomes writes what became of attempts, and drops the leases that are thereby
// done. Recording the same outcomes again changes nothing. Of two outcomes for one
// delivery, as of an attempt that outlived its lease and of the next, acceptance counts,
// or else the later one. over tells that the broadcast has ended with them: a small one's rows
// are looked through for it. Of a larger one the claim that finds nothing tells.
func (db *DB) RecordOutcomes(ctx context.Context, r wxcast.Recording) (over bool, err error) {
	ctx = within(ctx, hurried)
	each := onePerDelivery(r.Outcomes)
	calls, sent := 0, int64(0)
	for _, o := range r.Outcomes {
		if !o.AttemptedAt.IsZero() {
			calls++
		}
		if o.State == wxcast.DeliverySent {
			sent++
		}
	}
	err = db.tx(ctx, r.Broadcast.AccountID, func(tx *sqlx.Tx) error {
		if r.MayEnd { // before the quota, as a claim does
			if err := db.lockBroadcast(ctx, tx, r.Broadcast); err != nil {
				return err
			}
		}
		if len(each) > 0 {
			ours, err := db.heldOutcomes(ctx, tx, r, each)
			if err != nil {
				return err
			}
			if err := db.writeOutcomes(ctx, tx, r, ours); err != nil {
				return err
			}
		}
		if len(r.DoneLeases) > 0 {
			if _, err := tx.ExecContext(ctx, db.q.DeleteLeases, r.Broadcast.AccountID, r.Worker,
				jsonParam(r.DoneLeases)); err != nil {
				return err
			}
		}
		if r.MayEnd {
			n, err := db.moved(ctx, tx, r.Broadcast.AccountID, wxcast.BroadcastRunning, wxcast.BroadcastDone,
				wxcast.Sentence{}, db.q.EndBroadcast, r.Broadcast.AccountID, r.Broadcast.ID, db.Now(),
				wxcast.SmallBroadcast)
			if err != nil {
				return err
			}
			over = n == 1
		}
		if len(each) == 0 {
			return nil
		}
		// The quota's row as late as can be: the account's claims and outcomes wait for it. Before
		// early receipts are looked for, as receipts take it before they look for outcomes: one of
		// the two sees the other's.
		if _, err := tx.ExecContext(ctx, db.q.CountCalls, r.Lane.AppID, r.Lane.API, wxcast.DayOf(db.Now()),
			calls); err != nil {
			return err
		}
		return db.settleEarly(ctx, tx, r)
	})
	if err != nil {
		return false, fmt.Errorf("record %d outcomes of broadcast %d: %w", len(each), r.Broadcast.ID, err)
	}
	if sent > 0 {
		db.memoryOf(r.Broadcast.AccountID).sent(sent)
	}
	return over, nil
}

// heldOutcomes are those that may be written: an end always, and that a delivery is to go on only by
// who has it. A process that stood still may tell of one that another has taken over since, and is
// sending: that it is due would give it to a third. Of what is under no lease, its row tells: see
// heldUntil. Where each message is noted before it leaves, it is that of who noted it, whatever
// became of the lease.
func (db *DB) heldOutcomes(ctx context.Context, tx *sqlx.Tx, r wxcast.Recording,
	all []wxcast.Outcome) (ours []wxcast.Outcome, err error) {
	if r.Channel.NotesEach() {
		return all, nil
	}
	held := map[int64]bool{0: true}
	for _, o := range all {
		id := o.Hold.LeaseID
		if _, asked := held[id]; o.State == wxcast.DeliveryPending && !asked {
			rows, err := execRows(ctx, tx, db.q.HoldLease, r.Broadcast.AccountID, id)
			if err != nil {
				return nil, err
			}
			held[id] = rows == 1
		}
		if o.State != wxcast.DeliveryPending || held[id] {
			ours = append(ours, o)
		}
	}
	return ours, nil
}

// heldUntil is when the row of a retry says that it is due, as long as it is of who tells that it goes
// on; nil where that does not matter.
func heldUntil(r wxcast.Recording, o wxcast.Outcome) *string {
	if o.State != wxcast.DeliveryPending || o.Hold.LeaseID != 0 || r.Channel.NotesEach() {
		return nil
	}
	return jsonTime(o.Hold.Until)
}

func onePerDelivery(outcomes []wxcast.Outcome) []wxcast.Outcome {
	each := make([]wxcast.Outcome, 0, len(outcomes))
	at := make(map[wxcast.DeliveryKey]int, len(outcomes))
	for _, o := range outcomes {
		i, twice := at[o.Key()]
		switch {
		case !twice:
			at[o.Key()] = len(each)
			each = append(each, o)
		case each[i].State != wxcast.DeliverySent:
			each[i] = o
		}
	}
	return each
}

func (db *DB) writeOutcomes(ctx context.Context, tx *sqlx.Tx, r wxcast.Recording, outcomes []wxcast.Outcome) error {
	ref := r.Broadcast
	rows := make([]outcomeRow, 0, len(outcomes))
	var sent sentColumns
	var unused []held
	falls := map[string][]fallRow{} // by the channel that takes them over
	for _, o := range outcomes {
		if !o.RightAt.IsZero() {
			unused = append(unused, held{idOf(o), jsonTime(o.RightAt)})
		}
		if o.FallsTo != "" {
			falls[o.FallsTo] = append(falls[o.FallsTo],
				fallRow{o.Key(), fell(r.Channel.Name, o.ErrCode), heldUntil(r, o)})
			continue
		}
		if db.engine == Postgres && o.State == wxcast.DeliverySent && !o.AttemptedAt.IsZero() {
			sent.add(o)
			continue
		}
		rows = append(rows, outcomeRow{
			o.Key(), o.State, o.ErrCode, o.ErrMsg, o.MsgID, jsonTime(o.AttemptedAt), jsonTime(o.OpenSince),
			jsonTime(o.NextAttemptAt), heldUntil(r, o),
		})
	}
	if len(sent.recipients) > 0 {
		if _, err := tx.ExecContext(ctx, db.q.RecordSent, ref.AccountID, ref.ID, sent.recipients, sent.msgids,
			sent.attempted, sent.messages); err != nil {
			return err
		}
	}
	for to, rows := range falls {
		if _, err := tx.ExecContext(ctx, db.q.FallThrough, ref.AccountID, ref.ID, r.Channel.Name, to, db.Now(),
			jsonParam(rows)); err != nil {
			return err
		}
	}
	if len(unused) > 0 {
		of, err := db.rightsOf(ctx, tx, ref, r.Channel)
		if err != nil {
			return err
		}
		if err := of.giveBack(ctx, unused); err != nil {
			return err
		}
	}
	if len(rows) > 0 {
		if _, err := tx.ExecContext(ctx, db.q.RecordOutcomes, ref.AccountID, ref.ID, jsonParam(rows)); err != nil {
			return err
		}
	}
	return db.tellOutcomes(ctx, tx, r, outcomes)
}

// tellOutcomes tells of outcomes that were written: that WeChat accepted a message always is,
// another end only where it is the first.
func (db *DB) tellOutcomes(ctx context.Context, tx *sqlx.Tx, r wxcast.Recording, outcomes []wxcast.Outcome) error {
	var others []wxcast.Recipient
	for _, o := range outcomes {
		if o.State != wxcast.DeliverySent && o.State != wxcast.DeliveryPending {
			others = append(others, o.Recipient)
		}
	}
	states := map[wxcast.DeliveryKey]wxcast.DeliveryState{}
	if len(others) > 0 {
		var rows []struct {
			wxcast.DeliveryKey
			State wxcast.DeliveryState
		}
		if err := tx.SelectContext(ctx, &rows, fmt.Sprintf(db.q.DeliveryStates, db.engine.elements("$3")),
			r.Broadcast.AccountID, r.Broadcast.ID, jsonParam(others)); err != nil {
			return err
		}
		for _, row := range rows {
			states[row.DeliveryKey] = row.State
		}
	}
	all := make([]told, 0, len(outcomes))
	for _, o := range outcomes {
		if o.State == wxcast.DeliverySent || o.State != wxcast.DeliveryPending && states[o.Key()] == o.State {
			what := toldWhat{r.Broadcast.ID, r.Channel.Name, string(o.State), o.ErrCode}
			all = append(all, told{toldWhat: what, Recipient: o.Recipient, Message: o.Message, MsgID: o.MsgID,
				At: o.AttemptedAt})
		}
	}
	return db.tellDeliveries(ctx, tx, r.Broadcast.AccountID, all)
}

// sentColumns are messages that WeChat accepted, as Postgres's arrays.
type sentColumns struct {
	recipients pq.StringArray
	msgids     pq.Int64Array
	attempted  pq.Int64Array // microseconds since 1970
	messages   pq.Int64Array
}

func (c *sentColumns) add(o wxcast.Outcome) {
	c.recipients = append(c.recipients, string(o.Recipient))
	c.msgids = append(c.msgids, o.MsgID)
	c.attempted = append(c.attempted, o.AttemptedAt.UnixMicro())
	c.messages = append(c.messages, o.Message)
}
