package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	// toldTogether is how far apart, by two clocks, a client and WeChat may tell of one answer.
	toldTogether = 2 * time.Minute
	// heardLately is how long WeChat counts as telling of answers itself after it last did.
	heardLately = 7 * 24 * time.Hour
	// spentKept is how long a used consent is kept, to know it again when it is told again.
	spentKept = 7 * 24 * time.Hour
)

// permitRow is one consent as it is kept.
type permitRow struct {
	TemplateID string              `db:"template_id"`
	Recipient  wxcast.Recipient    `db:"recipient"`
	GrantedAt  time.Time           `db:"granted_at"`
	Source     wxcast.PermitSource `db:"source"`
	ReportID   string              `db:"report_id"`
	EventAt    sql.NullTime        `db:"event_at"`
	Accepted   bool                `db:"accepted"`
	Hint       bool                `db:"hint"`
	Scene      string              `db:"scene"`
	Version    string              `db:"text_version"`
	Kind       wxcast.PermitKind   `db:"kind"`
	Messages   int64               `db:"messages"`
	changed    bool
}

func (r permitRow) permit() wxcast.Permit {
	return wxcast.Permit{TemplateID: r.TemplateID, Recipient: r.Recipient, GrantedAt: r.GrantedAt.UTC(),
		Source: r.Source, Hint: r.Hint, Scene: r.Scene, Version: r.Version, Kind: r.Kind, Messages: r.Messages}
}

// put is the row as a parameter.
func (r permitRow) put() map[string]any {
	row := map[string]any{"template_id": r.TemplateID, "recipient": r.Recipient, "granted_at": jsonTime(r.GrantedAt),
		"source": r.Source, "report_id": r.ReportID, "event_at": nil, "accepted": r.Accepted, "hint": r.Hint,
		"scene":        r.Scene,
		"text_version": r.Version, "kind": r.Kind, "messages": r.Messages}
	if r.EventAt.Valid {
		row["event_at"] = jsonTime(r.EventAt.Time)
	}
	return row
}

// permitKey names the consents of one person to one template.
type permitKey struct {
	TemplateID string           `json:"template_id"`
	Recipient  wxcast.Recipient `json:"recipient"`
}

// ledger is what is kept of some people's consents, while it is changed.
type ledger struct {
	of map[permitKey][]*permitRow // in the order in which they were given
	// heard: WeChat itself tells of answers, and a client's word is a hint.
	heard bool
}

// RecordPermits records what people answered, in the order of the reports, each answer once, whoever
// tells of it, however often and in whatever order. It returns how many messages are left to
// each of those people by each of those templates.
func (db *DB) RecordPermits(ctx context.Context, accountID, appID int64,
	reports []wxcast.PermitReport) (left []wxcast.PermitBalance, err error) {
	if len(reports) == 0 {
		return nil, nil
	}
	err = db.tx(ctx, accountID, func(tx *sqlx.Tx) error {
		keys := make([]permitKey, 0, len(reports))
		byEvent := false
		for _, r := range reports {
			keys = append(keys, permitKey{r.TemplateID, r.Recipient})
			byEvent = byEvent || r.Source == wxcast.PermitByEvent
		}
		l, err := db.openLedger(ctx, tx, accountID, appID, slices.Clone(keys))
		if err != nil {
			return err
		}
		if byEvent {
			l.heard = true
			now := db.Now()
			if _, err := tx.ExecContext(ctx, db.q.HearPermits, appID, now, now.Add(-time.Hour)); err != nil {
				return err
			}
		}
		told := map[bool][]occurrence{}
		for _, r := range reports {
			if l.record(r) {
				o := happened(toldPermit{r.TemplateID, r.Recipient, r.Source})
				o.at = r.At
				told[r.Accepted] = append(told[r.Accepted], o)
			}
		}
		left = l.left(keys)
		if err := db.tell(ctx, tx, accountID, wxcast.EventsOfPermits+".granted", nil, told[true]...); err != nil {
			return err
		}
		if err := db.tell(ctx, tx, accountID, wxcast.EventsOfPermits+".refused", nil, told[false]...); err != nil {
			return err
		}
		return db.putLedger(ctx, tx, accountID, appID, l)
	})
	if err != nil {
		return nil, fmt.Errorf("record %d consents: %w", len(reports), err)
	}
	return left, nil
}

// openLedger reads what is kept, so that nobody else changes it before the transaction ends.
func (db *DB) openLedger(ctx context.Context, tx *sqlx.Tx, accountID, appID int64, keys []permitKey) (*ledger, error) {
	var locked int64
	if err := tx.GetContext(ctx, &locked, db.q.LockAccount, appID); err != nil {
		return nil, err
	}
	slices.SortFunc(keys, func(a, b permitKey) int {
		return cmp.Or(cmp.Compare(a.TemplateID, b.TemplateID), cmp.Compare(a.Recipient, b.Recipient))
	})
	keys = slices.Compact(keys)
	l := &ledger{of: map[permitKey][]*permitRow{}}
	if err := tx.GetContext(ctx, &l.heard, db.q.PermitsHeard, appID, db.Now().Add(-heardLately)); err != nil {
		return nil, err
	}
	var rows []permitRow
	if err := tx.SelectContext(ctx, &rows, db.q.FindPermits, accountID, appID, jsonParam(keys)); err != nil {
		return nil, err
	}
	for i := range rows {
		key := permitKey{rows[i].TemplateID, rows[i].Recipient}
		l.of[key] = append(l.of[key], &rows[i])
	}
	return l, nil
}

func (db *DB) putLedger(ctx context.Context, tx *sqlx.Tx, accountID, appID int64, l *ledger) error {
	var changed []map[string]any
	for _, rows := range l.of {
		for _, r := range rows {
			if r.changed {
				changed = append(changed, r.put())
			}
		}
	}
	if len(changed) == 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, db.q.PutPermits, accountID, appID, jsonParam(changed))
	return err
}

// record takes one answer in, and tells whether it counts and is news.
func (l *ledger) record(r wxcast.PermitReport) bool {
	key := permitKey{r.TemplateID, r.Recipient}
	byEvent := r.Source == wxcast.PermitByEvent
	for _, row := range l.of[key] { // told before
		same := row.EventAt.Valid && row.EventAt.Time.Equal(r.At) && row.Accepted == r.Accepted
		if byEvent && same || !byEvent && row.ReportID == r.ID {
			return false
		}
	}
	if other := l.toldByOther(key, r); other != nil {
		other.changed = true
		hint := other.Hint
		if byEvent {
			other.EventAt = sql.NullTime{Time: r.At, Valid: true}
			if other.Hint {
				other.Hint, other.Messages = false, 1
			}
		} else {
			other.ReportID = r.ID
		}
		return hint && !other.Hint
	}
	row := &permitRow{TemplateID: r.TemplateID, Recipient: r.Recipient, GrantedAt: r.At, Source: r.Source,
		ReportID: r.ID, Scene: r.Scene, Version: r.Version, Kind: r.Kind, Accepted: r.Accepted, changed: true}
	switch {
	case byEvent:
		row.EventAt = sql.NullTime{Time: r.At, Valid: true}
	case r.Source == wxcast.PermitByClient:
		row.Hint = l.heard
	}
	if !r.Accepted && !row.Hint {
		for _, before := range l.of[key] {
			if !before.GrantedAt.After(r.At) && (before.Messages > 0 || before.Hint) {
				before.Messages, before.Hint, before.changed = 0, false, true
			}
		}
	}
	if r.Accepted && !row.Hint {
		row.Messages = 1
	}
	row.Hint = row.Hint && r.Accepted
	for _, before := range l.of[key] {
		if before.Source == row.Source && before.GrantedAt.Equal(row.GrantedAt) { // the key's last column
			row.GrantedAt = row.GrantedAt.Add(time.Microsecond)
		}
	}
	l.of[key] = append(l.of[key], row)
	return !row.Hint
}

// toldByOther is the same answer as the other of client and WeChat told it: the nearest in
// time that nobody else has told of; nil where there is none.
func (l *ledger) toldByOther(key permitKey, r wxcast.PermitReport) (nearest *permitRow) {
	if !r.Accepted {
		return nil
	}
	best := toldTogether
	for _, row := range l.of[key] {
		free := row.Source == wxcast.PermitByClient && !row.EventAt.Valid
		if r.Source == wxcast.PermitByClient {
			free = row.Source == wxcast.PermitByEvent && row.ReportID == ""
		}
		if apart := row.GrantedAt.Sub(r.At).Abs(); free && row.Accepted && apart <= best {
			best, nearest = apart, row
		}
	}
	return nearest
}

// left is what each person allows still.
func (l *ledger) left(keys []permitKey) []wxcast.PermitBalance {
	var all []wxcast.PermitBalance
	seen := map[permitKey]bool{}
	for _, key := range keys {
		if seen[key] {
			continue
		}
		seen[key] = true
		b := wxcast.PermitBalance{TemplateID: key.TemplateID, Recipient: key.Recipient}
		for _, row := range l.of[key] {
			b.Messages += row.Messages
		}
		all = append(all, b)
	}
	return all
}

// SetPermits makes a ledger that was kept elsewhere the truth about the people and templates
// that it names, and returns of how many we knew nothing, and how many are not as they were.
func (db *DB) SetPermits(ctx context.Context, accountID, appID int64,
	balances []wxcast.PermitBalance) (inserted, updated int64, err error) {
	if len(balances) == 0 {
		return 0, 0, nil
	}
	err = db.tx(ctx, accountID, func(tx *sqlx.Tx) error {
		inserted, updated = 0, 0
		keys := make([]permitKey, len(balances))
		for i, b := range balances {
			keys[i] = permitKey{b.TemplateID, b.Recipient}
		}
		l, err := db.openLedger(ctx, tx, accountID, appID, slices.Clone(keys))
		if err != nil {
			return err
		}
		now := db.Now().UTC().Truncate(time.Microsecond)
		for i, b := range balances {
			rows := l.of[keys[i]]
			var have int64
			for _, r := range rows {
				have += r.Messages
			}
			if len(rows) > 0 && have == b.Messages {
				continue
			}
			if len(rows) == 0 {
				inserted++
			} else {
				updated++
			}
			for _, r := range rows {
				if r.Messages > 0 || r.Hint {
					r.Messages, r.Hint, r.changed = 0, false, true
				}
			}
			l.of[keys[i]] = append(rows, &permitRow{TemplateID: b.TemplateID, Recipient: b.Recipient, GrantedAt: now,
				Source: wxcast.PermitByImport, Kind: wxcast.PermitOnce, Accepted: true, Messages: b.Messages,
				changed: true})
		}
		return db.putLedger(ctx, tx, accountID, appID, l)
	})
	if err != nil {
		return 0, 0, fmt.Errorf("import %d permits: %w", len(balances), err)
	}
	return inserted, updated, nil
}

// PermitCounts are how many people allow how many messages, by template and kind.
func (db *DB) PermitCounts(ctx context.Context, accountID, appID int64) (counts []wxcast.PermitCount, err error) {
	if err := db.list(ctx, &counts, db.q.PermitStatus, accountID, appID); err != nil {
		return nil, fmt.Errorf("count permits: %w", err)
	}
	return counts, nil
}

// PermitsOf are a person's consents, the latest first; used ones are there for a week.
func (db *DB) PermitsOf(ctx context.Context, accountID, appID int64, id wxcast.Recipient) ([]wxcast.Permit, error) {
	var rows []permitRow
	if err := db.list(ctx, &rows, db.q.PermitsOfPerson, accountID, appID, id); err != nil {
		return nil, fmt.Errorf("look up permits: %w", err)
	}
	all := make([]wxcast.Permit, len(rows))
	for i, r := range rows {
		all[i] = r.permit()
	}
	return all, nil
}

// PermitBalances are what people allow still, in the order of templates and people, behind one.
func (db *DB) PermitBalances(ctx context.Context, accountID, appID int64, after wxcast.PermitBalance,
	limit int) ([]wxcast.PermitBalance, error) {
	var rows []permitRow
	if err := db.list(ctx, &rows, db.q.PermitBalances, accountID, appID, after.TemplateID, after.Recipient,
		limit); err != nil {
		return nil, fmt.Errorf("list permits: %w", err)
	}
	all := make([]wxcast.PermitBalance, len(rows))
	for i, r := range rows {
		all[i] = wxcast.PermitBalance{TemplateID: r.TemplateID, Recipient: r.Recipient, Messages: r.Messages}
	}
	return all, nil
}

// SetPermitKind notes what consents to a template allow, as WeChat tells of the template.
func (db *DB) SetPermitKind(ctx context.Context, accountID, appID int64, templateID string,
	kind wxcast.PermitKind) error {
	if _, err := db.exec(ctx, db.q.SetPermitKind, accountID, appID, templateID, kind); err != nil {
		return fmt.Errorf("note the kind of the template %s: %w", templateID, err)
	}
	return nil
}
