package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	// receiptWithin is how long after a broadcast's end its receipts are looked for.
	receiptWithin = 7 * 24 * time.Hour
	// earlyKept is how long a receipt waits for its message to be recorded.
	earlyKept = 24 * time.Hour
)

// RecordReceipts stores what WeChat told of messages by one channel; it may come before their
// outcomes or after. A receipt is of the message that has its msgid. Another one may be of a
// message whose answer was lost, or of another system's: where TrustReceipts says that there
// is none, it ends the doubt about the only message that it can be about. Else it is a hint.
func (db *DB) RecordReceipts(ctx context.Context, accountID int64, channel wxcast.Channel, lane wxcast.Lane,
	receipts []wxcast.Receipt) error {
	err := db.tx(ctx, accountID, func(tx *sqlx.Tx) error {
		// RecordOutcomes writes to this row before it looks for early receipts: so one of
		// the two sees the other's.
		var used []int64
		if err := tx.SelectContext(ctx, &used, db.q.LockQuota, lane.AppID, lane.API); err != nil {
			return err
		}
		from, err := db.recentFrom(ctx, tx, accountID)
		if err != nil {
			return err
		}
		people, err := db.peopleOf(ctx, tx, accountID, lane, receipts)
		if err != nil {
			return err
		}
		s := settling{db, tx, accountID, from, channel.Name, people}
		unsettled, err := s.named(ctx, receipts)
		if err != nil {
			return err
		}
		early, err := s.doubts(ctx, unsettled)
		if err != nil {
			return err
		}
		if len(early) > 0 {
			if _, err := tx.ExecContext(ctx, db.q.AddEarly, accountID, lane.AppID,
				jsonParam(receiptRows(early))); err != nil {
				return err
			}
		}
		return db.noteBlocks(ctx, tx, accountID, from, receipts)
	})
	if err != nil {
		return fmt.Errorf("record %d receipts: %w", len(receipts), err)
	}
	return nil
}

type receiptRow struct {
	N         int              `json:"n"`
	OpenID    wxcast.OpenID    `json:"openid"`    // as it was told
	Recipient wxcast.Recipient `json:"recipient"` // of the delivery
	MsgID     int64            `json:"msgid"`
	Receipt   string           `json:"receipt"`
	Blocked   bool             `json:"blocked"`
	At        *string          `json:"at"`
}

func receiptRows(receipts []wxcast.Receipt) []receiptRow {
	rows := make([]receiptRow, len(receipts))
	for i, r := range receipts {
		rows[i] = receiptRow{i, r.OpenID, wxcast.Recipient(r.OpenID), r.MsgID, r.Status, r.Blocked, jsonTime(r.At)}
	}
	return rows
}

// settling gives deliveries their receipts.
type settling struct {
	db              *DB
	tx              *sqlx.Tx
	accountID, from int64 // the first broadcast to look at
	channel         string
	// people are the recipients of those whom a mini program knows by another id than a
	// broadcast does; one that was made before they followed knows them by that id, too.
	people map[wxcast.OpenID]wxcast.Recipient
}

// peopleOf finds the followers who are the mini users of receipts.
func (db *DB) peopleOf(ctx context.Context, tx *sqlx.Tx, accountID int64, lane wxcast.Lane,
	receipts []wxcast.Receipt) (map[wxcast.OpenID]wxcast.Recipient, error) {
	if lane.AppID == accountID {
		return nil, nil
	}
	ids := make([]wxcast.OpenID, len(receipts))
	for i, r := range receipts {
		ids[i] = r.OpenID
	}
	var rows []struct {
		MiniOpenID wxcast.OpenID    `db:"mini_openid"`
		OpenID     wxcast.Recipient `db:"openid"`
	}
	if err := tx.SelectContext(ctx, &rows, db.q.OpenIDsOfMiniUsers, accountID, lane.AppID, jsonParam(ids)); err != nil {
		return nil, err
	}
	people := make(map[wxcast.OpenID]wxcast.Recipient, len(rows))
	several := map[wxcast.OpenID]bool{} // a wrong unionid: who of them it is, nobody knows
	for _, r := range rows {
		_, several[r.MiniOpenID] = people[r.MiniOpenID]
		people[r.MiniOpenID] = r.OpenID
	}
	maps.DeleteFunc(people, func(id wxcast.OpenID, _ wxcast.Recipient) bool { return several[id] })
	return people, nil
}

// named gives deliveries the receipts that name them, and returns the others.
func (s settling) named(ctx context.Context, receipts []wxcast.Receipt) (unsettled []wxcast.Receipt, err error) {
	if unsettled, err = s.namedAs(ctx, receipts, s.people); err != nil || len(s.people) == 0 {
		return unsettled, err
	}
	return s.namedAs(ctx, unsettled, nil)
}

func (s settling) namedAs(ctx context.Context, receipts []wxcast.Receipt,
	people map[wxcast.OpenID]wxcast.Recipient) (unsettled []wxcast.Receipt, err error) {
	if len(receipts) == 0 {
		return nil, nil
	}
	type named struct {
		Recipient wxcast.Recipient
		MsgID     int64
	}
	rows := receiptRows(receipts)
	for i := range rows {
		if r, ok := people[rows[i].OpenID]; ok {
			rows[i].Recipient = r
		}
	}
	var found []told
	if err := s.tx.SelectContext(ctx, &found, s.db.q.SettleReceipts, s.accountID, s.from, jsonParam(rows),
		s.channel); err != nil {
		return nil, err
	}
	settled, of := make(map[named]bool, len(found)), map[int64]bool{}
	for i, f := range found {
		settled[named{f.Recipient, f.MsgID}], of[f.BroadcastID] = true, true
		found[i].What, found[i].Channel = eventOfReceipt, s.channel
	}
	if err := s.db.tellDeliveries(ctx, s.tx, s.accountID, found); err != nil {
		return nil, err
	}
	if err := s.db.dropTallies(ctx, s.tx, s.accountID, slices.Collect(maps.Keys(of))...); err != nil {
		return nil, err
	}
	for i, r := range rows {
		if !settled[named{r.Recipient, r.MsgID}] {
			unsettled = append(unsettled, receipts[i])
		}
	}
	return unsettled, nil
}

// TrustReceipts says whether wxcast alone sends for an account. Only then can a receipt whose
// msgid names no message of ours be about one: else it may be another system's.
func (db *DB) TrustReceipts(accountID int64, yes bool) { db.onlySender.Store(accountID, yes) }

// doubts ends the doubts about messages with receipts that name none of ours, and returns
// those that end none.
func (s settling) doubts(ctx context.Context, receipts []wxcast.Receipt) (early []wxcast.Receipt, err error) {
	if trusted, _ := s.db.onlySender.Load(s.accountID); trusted != true || len(receipts) == 0 {
		return receipts, nil
	}
	person := func(r wxcast.Receipt) wxcast.Recipient {
		return cmp.Or(s.people[r.OpenID], wxcast.Recipient(r.OpenID))
	}
	rows := receiptRows(receipts)
	for i, r := range receipts {
		if other := person(r); other != wxcast.Recipient(r.OpenID) {
			row := rows[i]
			row.Recipient = other
			rows = append(rows, row)
		}
	}
	var doubtful []int
	if err := s.tx.SelectContext(ctx, &doubtful, s.db.q.DoubtfulReceipts, s.accountID, s.from, jsonParam(rows),
		s.channel); err != nil {
		return nil, err
	}
	var all []int64
	var ends []told
	for i, r := range receipts {
		if r.MsgID != 0 && !slices.Contains(doubtful, i) {
			early = append(early, r)
			continue
		}
		within := doubtMax
		if r.MsgID == 0 {
			within = namelessMax
		}
		var settled []told
		at := r.At.UTC()
		if err := s.tx.SelectContext(ctx, &settled, s.db.q.SettleDoubt, s.accountID, r.OpenID, r.MsgID, r.Status,
			s.from, at.Add(-within), at.Add(receiptClock), s.channel, person(r)); err != nil {
			return nil, err
		}
		if len(settled) == 0 {
			early = append(early, r)
		}
		for _, d := range settled {
			all = append(all, d.BroadcastID)
			d.What, d.Channel = string(wxcast.DeliverySent), s.channel
			ends = append(ends, d)
			d.What, d.Receipt = eventOfReceipt, r.Status
			ends = append(ends, d)
		}
	}
	if err := s.db.tellDeliveries(ctx, s.tx, s.accountID, ends); err != nil {
		return nil, err
	}
	return early, s.db.dropTallies(ctx, s.tx, s.accountID, all...)
}

// recentKept is how long the answer of recentFrom is taken for true: an older one only costs
// a look at more.
const recentKept = 10 * time.Minute

// recentFrom is the first of an account's broadcasts that was at work within receiptWithin.
func (db *DB) recentFrom(ctx context.Context, tx *sqlx.Tx, accountID int64) (from int64, err error) {
	type known struct {
		from int64
		at   time.Time
	}
	if k, ok := db.recent.Load(accountID); ok && time.Since(k.(known).at) < recentKept {
		return k.(known).from, nil
	}
	if err := tx.GetContext(ctx, &from, db.q.RecentFrom, accountID, db.Now().Add(-receiptWithin)); err != nil {
		return 0, err
	}
	db.recent.Store(accountID, known{from, time.Now()})
	return from, nil
}

const (
	// namelessMax is how long before a receipt without a msgid its message may have left.
	namelessMax = 24 * time.Hour
	// receiptClock is how far WeChat's clock may be behind ours.
	receiptClock = 5 * time.Second
	// doubtMax is how old a doubt may be that a receipt ends: messages that WeChat
	// reviews (40252) usually go out within 30 minutes.
	doubtMax = time.Hour
)

func execRows(ctx context.Context, tx *sqlx.Tx, query string, args ...any) (int64, error) {
	result, err := tx.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// noteBlocks notes who refused a template, where a receipt that says so has a message.
func (db *DB) noteBlocks(ctx context.Context, tx *sqlx.Tx, accountID, from int64, receipts []wxcast.Receipt) error {
	by := map[string][]wxcast.OpenID{}
	for _, r := range receipts {
		if r.Blocked {
			by[r.Status] = append(by[r.Status], r.OpenID)
		}
	}
	for status, openids := range by {
		if _, err := tx.ExecContext(ctx, fmt.Sprintf(db.q.AddBlocks, db.engine.elements("$4")),
			accountID, from, db.Now(), jsonParam(openids), status); err != nil {
			return err
		}
	}
	return nil
}

// settleEarly gives outcomes the receipts that came before them.
func (db *DB) settleEarly(ctx context.Context, tx *sqlx.Tx, r wxcast.Recording) error {
	accountID, appID := r.Broadcast.AccountID, r.Lane.AppID
	var is struct {
		Any  bool `db:"any_early"`
		Over bool // its counts may be kept
	}
	if err := tx.GetContext(ctx, &is, db.q.AnyEarly, accountID, appID, r.Broadcast.ID); err != nil {
		return err
	}
	if is.Over {
		if err := db.dropTallies(ctx, tx, accountID, r.Broadcast.ID); err != nil {
			return err
		}
	}
	if !is.Any {
		return nil
	}
	var people []wxcast.Recipient // whose early receipts may be of these messages, by the app's ids
	inDoubt, of := map[wxcast.OpenID]bool{}, map[wxcast.OpenID]wxcast.Recipient{}
	for _, o := range r.Outcomes {
		if o.State == wxcast.DeliveryUnknown || o.State == wxcast.DeliverySent {
			id := idOf(o)
			people = append(people, id)
			inDoubt[wxcast.OpenID(id)], of[wxcast.OpenID(id)] = o.State == wxcast.DeliveryUnknown, o.Recipient
		}
	}
	if len(people) == 0 {
		return nil
	}
	early, err := db.earlyOf(ctx, tx, accountID, appID, people)
	if err != nil || len(early) == 0 {
		return err
	}
	if err := db.settleNamed(ctx, tx, r); err != nil {
		return err
	}
	from, err := db.recentFrom(ctx, tx, accountID)
	if err != nil {
		return err
	}
	s := settling{db, tx, accountID, from, r.Channel.Name, of}
	if err := s.earlyDoubts(ctx, appID,
		slices.DeleteFunc(slices.Clone(early), func(r wxcast.Receipt) bool {
			return r.MsgID != 0 && !inDoubt[r.OpenID]
		})); err != nil {
		return err
	}
	return db.noteBlocks(ctx, tx, accountID, from, early)
}

// earlyOf are the receipts that came early for some people.
func (db *DB) earlyOf(ctx context.Context, tx *sqlx.Tx, accountID, appID int64,
	people []wxcast.Recipient) ([]wxcast.Receipt, error) {
	var rows []earlyRow
	if err := tx.SelectContext(ctx, &rows, db.q.EarlyOf, accountID, appID, jsonParam(people)); err != nil {
		return nil, err
	}
	return earlyReceipts(rows), nil
}

// settleNamed gives messages the early receipts that bear their msgid.
func (db *DB) settleNamed(ctx context.Context, tx *sqlx.Tx, r wxcast.Recording) error {
	type sent struct {
		wxcast.DeliveryKey
		OpenID wxcast.Recipient `json:"openid"`
		MsgID  int64            `json:"msgid"`
	}
	var all []sent
	for _, o := range r.Outcomes {
		if o.MsgID != 0 {
			all = append(all, sent{o.Key(), idOf(o), o.MsgID})
		}
	}
	if len(all) == 0 {
		return nil
	}
	var found []told
	if err := tx.SelectContext(ctx, &found, db.q.SettleEarly, r.Broadcast.AccountID, r.Broadcast.ID, r.Lane.AppID,
		jsonParam(all)); err != nil {
		return err
	}
	for i := range found {
		found[i].What = eventOfReceipt
	}
	return db.tellDeliveries(ctx, tx, r.Broadcast.AccountID, found)
}

// idOf is the person's id as the channel takes it.
func idOf(o wxcast.Outcome) wxcast.Recipient {
	if o.ID != "" {
		return o.ID
	}
	return o.Recipient
}

// earlyDoubts gives messages early receipts that do not name them: those without a msgid, and
// those that end a doubt. Those are used up.
func (s settling) earlyDoubts(ctx context.Context, appID int64, receipts []wxcast.Receipt) error {
	left, err := s.doubts(ctx, receipts)
	if err != nil {
		return err
	}
	used := slices.DeleteFunc(slices.Clone(receipts), func(r wxcast.Receipt) bool { return slices.Contains(left, r) })
	if len(used) == 0 {
		return nil
	}
	_, err = s.tx.ExecContext(ctx, s.db.q.DropUsedEarly, s.accountID, appID, jsonParam(receiptRows(used)))
	return err
}

// earlyRow is a receipt that waits for its message.
type earlyRow struct {
	OpenID  wxcast.OpenID `db:"openid"`
	MsgID   int64         `db:"msgid"`
	Receipt string
	Blocked bool
	At      time.Time
}

func earlyReceipts(rows []earlyRow) []wxcast.Receipt {
	receipts := make([]wxcast.Receipt, len(rows))
	for i, r := range rows {
		receipts[i] = wxcast.Receipt{OpenID: r.OpenID, MsgID: r.MsgID, Status: r.Receipt, Blocked: r.Blocked,
			At: r.At.UTC()}
	}
	return receipts
}

// ReceiptHints are receipts to a person that came and of which nobody can tell what message
// they are about, the oldest first. They are kept for a day.
func (db *DB) ReceiptHints(ctx context.Context, accountID int64, openid wxcast.OpenID) ([]wxcast.Receipt, error) {
	var rows []earlyRow
	if err := db.list(ctx, &rows, db.q.ReceiptHints, accountID, openid); err != nil {
		return nil, fmt.Errorf("look up receipts: %w", err)
	}
	return earlyReceipts(rows), nil
}

// MessagesHeard counts the account's messages that left since a time, no longer ago than
// receiptWithin, and those of them of which a receipt has come.
func (db *DB) MessagesHeard(ctx context.Context, accountID int64, since time.Time) (sent, heard int64, err error) {
	var from int64
	err = db.get(ctx, &from, db.q.RecentFrom, accountID, since.UTC())
	var row struct{ Sent, Heard int64 }
	if err == nil {
		err = db.get(ctx, &row, db.q.MessagesHeard, accountID, since.UTC(), from)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("count receipts: %w", err)
	}
	return row.Sent, row.Heard, nil
}
