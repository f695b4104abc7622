package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// windowMargin is how long a window must be open still for a message to be given to a worker:
// it leaves within seconds.
const windowMargin = 5 * time.Second

// rights are what the messages of one channel of a broadcast take: consents to its template,
// or windows.
type rights struct {
	db         *DB
	tx         *sqlx.Tx
	accountID  int64
	appID      int64
	templateID string
	kind       wxcast.Right
}

// held is a right of one person: when it was given.
type held struct {
	ID wxcast.Recipient `json:"id"`
	At *string          `json:"at"`
}

type taken struct {
	ID    wxcast.Recipient
	At    time.Time
	Until sql.NullTime
}

// take uses one up of each of these people, and returns what it took.
func (r rights) take(ctx context.Context, ids []wxcast.Recipient, now time.Time) (map[wxcast.Recipient]taken, error) {
	var rows []taken
	var err error
	switch {
	case len(ids) == 0:
	case r.kind == wxcast.RightPermit:
		err = r.tx.SelectContext(ctx, &rows, r.db.q.TakePermits, r.accountID, r.appID, r.templateID, jsonParam(ids))
	case r.kind == wxcast.RightWindow:
		err = r.tx.SelectContext(ctx, &rows, r.db.q.TakeWindows, r.accountID, now.Add(windowMargin), jsonParam(ids))
	}
	all := make(map[wxcast.Recipient]taken, len(rows))
	for _, t := range rows { // of several windows, the one that closes last
		if before, ok := all[t.ID]; !ok || before.Until.Time.Before(t.Until.Time) {
			all[t.ID] = t
		}
	}
	return all, err
}

// giveBack returns what was taken and not used.
func (r rights) giveBack(ctx context.Context, unused []held) (err error) {
	switch {
	case len(unused) == 0:
	case r.kind == wxcast.RightPermit:
		_, err = r.tx.ExecContext(ctx, r.db.q.ReturnPermits, r.accountID, r.appID, r.templateID, jsonParam(unused))
	case r.kind == wxcast.RightWindow:
		_, err = r.tx.ExecContext(ctx, r.db.q.ReturnWindows, r.accountID, jsonParam(unused))
	}
	return err
}

// end takes all away that these people gave before a time: WeChat says that there is nothing.
func (r rights) end(ctx context.Context, ids []wxcast.Recipient, before time.Time) (err error) {
	switch {
	case len(ids) == 0:
	case r.kind == wxcast.RightPermit:
		_, err = r.tx.ExecContext(ctx, r.db.q.ZeroPermits, r.accountID, r.appID, r.templateID, jsonParam(ids),
			before.UTC())
	case r.kind == wxcast.RightWindow:
		_, err = r.tx.ExecContext(ctx, r.db.q.CloseWindowsOf, r.accountID, jsonParam(ids), before.UTC())
	}
	return err
}

// rights are those that the claim's messages take.
func (t *claimTx) rights() rights {
	return rights{t.db, t.tx, t.ref.AccountID, t.req.Lane.AppID, t.b.TemplateID, t.req.Channel.Right}
}

// takeRights takes a right for each delivery of the claim that has none yet. Who has given none
// falls through to the next channel, or goes without.
func (t *claimTx) takeRights(ctx context.Context, c *wxcast.Claim) error {
	kind := t.req.Channel.Right
	if kind == wxcast.NoRight {
		return nil
	}
	var ids []wxcast.Recipient
	var again []held // windows may have closed meanwhile
	each := func(do func(d *deliveryRow, id wxcast.Recipient)) {
		for _, rows := range [][]deliveryRow{t.due, t.fresh} {
			for i := range rows {
				if d := &rows[i]; !d.OpenSince.Valid && (!d.RightAt.Valid || kind == wxcast.RightWindow) {
					delivery := d.delivery()
					do(d, t.req.Channel.ID(&delivery))
				}
			}
		}
	}
	each(func(d *deliveryRow, id wxcast.Recipient) {
		if d.RightAt.Valid {
			again = append(again, held{id, jsonTime(d.RightAt.Time)})
		}
		if id != "" {
			ids = append(ids, id)
		}
	})
	if err := t.rights().giveBack(ctx, again); err != nil {
		return err
	}
	got, err := t.rights().take(ctx, ids, t.now)
	if err != nil {
		return err
	}
	type holding struct {
		wxcast.DeliveryKey
		At *string `json:"at"`
	}
	var holds []holding
	without := map[wxcast.Recipient]bool{}
	each(func(d *deliveryRow, id wxcast.Recipient) {
		right, ok := got[id]
		d.RightAt = sql.NullTime{} // what they had was given back above
		if without[d.Recipient] = !ok; ok {
			d.RightAt, d.RightUntil = sql.NullTime{Time: right.At.UTC(), Valid: true}, utc(right.Until)
			holds = append(holds, holding{d.key(), jsonTime(right.At)})
		}
	})
	if len(holds) > 0 {
		if _, err := t.tx.ExecContext(ctx, t.db.q.HoldRights, t.ref.AccountID, t.ref.ID, jsonParam(holds)); err != nil {
			return err
		}
	}
	code, why := wxcast.ErrCodeNoPermit, wxcast.Say("skip.no_permit")
	if kind == wxcast.RightWindow {
		code, why = wxcast.ErrCodeNoWindow, wxcast.Say("skip.no_window")
	}
	return t.dismiss(ctx, c, func(d deliveryRow) (int, wxcast.Sentence, bool) {
		if without[d.Recipient] {
			return code, why, true
		}
		return 0, why, false
	})
}

// fallRow is a person whom a channel could not reach, for fall-through.
type fallRow struct {
	wxcast.DeliveryKey
	Why       string  `json:"why"`
	HeldUntil *string `json:"held_until,omitempty"` // as of outcomes
}

// fell is how a delivery notes that a channel could not reach the person.
func fell(channel string, code int) string { return channel + ":" + strconv.Itoa(code) }

// HandOver notes messages that are about to leave by a channel that takes a repeat for another
// message, and returns those that this process may send: nobody else can any more. What the
// process does not send after that stays in doubt.
func (db *DB) HandOver(ctx context.Context, ref wxcast.BroadcastRef, channel wxcast.Channel,
	deliveries []wxcast.DeliveryKey) (ours []wxcast.DeliveryKey, err error) {
	ctx = within(ctx, hurried)
	err = db.tx(ctx, ref.AccountID, func(tx *sqlx.Tx) error {
		ours = ours[:0]
		now, err := db.nowIn(ctx, tx)
		if err != nil {
			return err
		}
		return tx.SelectContext(ctx, &ours, db.q.HandOver, ref.AccountID, ref.ID, channel.Name, now,
			jsonParam(deliveries), channel.Right != wxcast.NoRight)
	})
	if err != nil {
		return nil, fmt.Errorf("note %d messages of broadcast %d before they leave: %w", len(deliveries), ref.ID, err)
	}
	return ours, nil
}

// SettleRefusals says what WeChat's refusals of rights mean that our ledger has: that it is
// wrong about these people, or, where too many were refused at once, that it is not, and
// nothing is taken from them.
func (db *DB) SettleRefusals(ctx context.Context, ref wxcast.BroadcastRef, channel wxcast.Channel,
	refused []wxcast.Refusal, believed bool) error {
	ctx = within(ctx, hurried)
	err := db.tx(ctx, ref.AccountID, func(tx *sqlx.Tx) error {
		r, err := db.rightsOf(ctx, tx, ref, channel)
		if err != nil {
			return err
		}
		var ids []wxcast.Recipient
		var unused []held
		var last time.Time
		for _, one := range refused {
			ids = append(ids, one.ID)
			if unused = append(unused, held{one.ID, jsonTime(one.RightAt)}); one.At.After(last) {
				last = one.At
			}
		}
		if believed {
			return r.end(ctx, ids, last)
		}
		return r.giveBack(ctx, unused)
	})
	if err != nil {
		return fmt.Errorf("settle %d refusals of broadcast %d: %w", len(refused), ref.ID, err)
	}
	return nil
}

// rightsOf are the rights that a channel of a broadcast takes, until the transaction ends
// nobody else's to change.
func (db *DB) rightsOf(ctx context.Context, tx *sqlx.Tx, ref wxcast.BroadcastRef, channel wxcast.Channel) (rights,
	error) {
	r := rights{db: db, tx: tx, accountID: ref.AccountID, kind: channel.Right}
	var row struct {
		AppID      int64  `db:"app_id"`
		TemplateID string `db:"template_id"`
	}
	if err := tx.GetContext(ctx, &row, db.q.GetBroadcastChannel, ref.AccountID, ref.ID, channel.Name); err != nil {
		return r, err
	}
	r.appID, r.templateID = row.AppID, row.TemplateID
	var locked int64
	return r, tx.GetContext(ctx, &locked, db.q.LockAccount, r.appID)
}

// UseRight uses up what a person gave for a message that left outside of a broadcast, such as a
// test.
func (db *DB) UseRight(ctx context.Context, accountID int64, channel wxcast.Channel, lane wxcast.Lane, templateID string,
	id wxcast.Recipient) error {
	err := db.tx(ctx, accountID, func(tx *sqlx.Tx) error {
		var locked int64
		if err := tx.GetContext(ctx, &locked, db.q.LockAccount, lane.AppID); err != nil {
			return err
		}
		_, err := rights{db, tx, accountID, lane.AppID, templateID, channel.Right}.take(ctx, []wxcast.Recipient{id},
			db.Now())
		return err
	})
	if err != nil {
		return fmt.Errorf("note a message by %s: %w", channel.Name, err)
	}
	return nil
}

// returnHeld gives back what the pending messages of a broadcast hold that will not be sent.
func (db *DB) returnHeld(ctx context.Context, tx *sqlx.Tx, ref wxcast.BroadcastRef) error {
	var channels []struct {
		Channel    string
		AppID      int64  `db:"app_id"`
		TemplateID string `db:"template_id"`
	}
	if err := tx.SelectContext(ctx, &channels, db.q.HoldingChannels, ref.AccountID, ref.ID); err != nil {
		return err
	}
	for _, c := range channels {
		var rows []struct {
			wxcast.DeliveryKey
			MiniOpenID sql.NullString `db:"mini_openid"`
			RightAt    time.Time      `db:"right_at"`
		}
		if err := tx.SelectContext(ctx, &rows, db.q.HeldRights, ref.AccountID, ref.ID, c.Channel); err != nil {
			return err
		}
		var permits, windows []held
		var deliveries []wxcast.DeliveryKey
		for _, r := range rows {
			deliveries = append(deliveries, r.DeliveryKey)
			windows = append(windows, held{r.Recipient, jsonTime(r.RightAt)})
			if r.MiniOpenID.Valid {
				r.Recipient = wxcast.Recipient(r.MiniOpenID.String)
			}
			permits = append(permits, held{r.Recipient, jsonTime(r.RightAt)})
		}
		all := rights{db, tx, ref.AccountID, c.AppID, c.TemplateID, wxcast.RightPermit}
		unused := permits
		if c.TemplateID == "" { // a window
			all.kind, unused = wxcast.RightWindow, windows
		}
		if err := all.giveBack(ctx, unused); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, db.q.DropRights, ref.AccountID, ref.ID, c.Channel,
			jsonParam(deliveries)); err != nil {
			return err
		}
	}
	return nil
}

// OpenWindows notes that people may be written to. The later of two openings of a kind counts.
func (db *DB) OpenWindows(ctx context.Context, accountID int64, windows []wxcast.Window) error {
	latest := map[[2]string]int{}
	var rows []map[string]any
	for _, w := range windows { // one row twice in a statement is an error
		row := map[string]any{"openid": w.OpenID, "kind": w.Kind, "at": jsonTime(w.At), "until": jsonTime(w.Until),
			"messages": w.Messages}
		key := [2]string{string(w.OpenID), string(w.Kind)}
		if i, twice := latest[key]; !twice {
			latest[key] = len(rows)
			rows = append(rows, row)
		} else if *jsonTime(w.At) > *(rows[i]["at"].(*string)) {
			rows[i] = row
		}
	}
	if len(rows) == 0 {
		return nil
	}
	if _, err := db.exec(ctx, db.q.OpenWindows, accountID, jsonParam(rows)); err != nil {
		return fmt.Errorf("open %d windows: %w", len(rows), err)
	}
	return nil
}

// windowsOf are a follower's windows, the one that closes last first.
func (db *DB) windowsOf(ctx context.Context, q sqlx.QueryerContext, accountID int64,
	openid wxcast.OpenID) ([]wxcast.Window, error) {
	var rows []struct {
		Kind     wxcast.WindowKind
		At       time.Time `db:"opened_at"`
		Until    time.Time `db:"closes_at"`
		Messages int
	}
	if err := sqlx.SelectContext(ctx, q, &rows, db.q.FindWindows, accountID, openid); err != nil {
		return nil, fmt.Errorf("look up windows: %w", err)
	}
	all := make([]wxcast.Window, len(rows))
	for i, r := range rows {
		all[i] = wxcast.Window{OpenID: openid, Kind: r.Kind, At: r.At.UTC(), Until: r.Until.UTC(), Messages: r.Messages}
	}
	return all, nil
}
