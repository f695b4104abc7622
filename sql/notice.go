package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// RaiseNotice keeps what people are to be told; one with the same key that stands is
// left alone, whoever raised it.
func (db *DB) RaiseNotice(ctx context.Context, accountID int64, n wxcast.Notice) error {
	args := []any{accountID, n.Key, n.Kind, n.Title, n.Body, n.Data, db.Now()}
	var err error
	if n.Kind == wxcast.NoticeReport {
		err = db.tx(ctx, accountID, func(tx *sqlx.Tx) error {
			if raised, err := execRows(ctx, tx, db.q.RaiseNotice, args...); err != nil || raised == 0 {
				return err
			}
			return db.tell(ctx, tx, accountID, wxcast.EventsOfReports+".done", nil,
				happened(toldReport{wxcast.Day(strings.TrimPrefix(n.Key, wxcast.ReportKey("")))}))
		})
	} else {
		_, err = db.exec(ctx, db.q.RaiseNotice, args...)
	}
	if err != nil {
		return fmt.Errorf("raise notice %s: %w", n.Key, err)
	}
	return nil
}

// EndAlert ends an alert, if it stands: people are told so, if they were told of it.
func (db *DB) EndAlert(ctx context.Context, accountID int64, key string) error {
	var stands bool // seldom: a look costs nobody else anything
	if err := db.get(ctx, &stands, db.q.AlertStands, accountID, key); err != nil || !stands {
		return err
	}
	err := db.tx(ctx, accountID, func(tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, db.q.DropUntold, accountID, key); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, db.q.EndNotice, accountID, key, db.Now())
		return err
	})
	if err != nil {
		return fmt.Errorf("end alert %s: %w", key, err)
	}
	return nil
}

// EndOldAlert ends an alert that was raised before a time: for what happens and does not
// stand. When it happens again, it is raised again.
func (db *DB) EndOldAlert(ctx context.Context, accountID int64, key string, before time.Time) error {
	if _, err := db.exec(ctx, db.q.EndOldNotice, accountID, key, db.Now(), before.UTC()); err != nil {
		return fmt.Errorf("end alert %s: %w", key, err)
	}
	return nil
}

// EndBroadcastAlerts ends the alerts of broadcasts that are neither paused nor waiting, and of
// their channels that have not stopped.
func (db *DB) EndBroadcastAlerts(ctx context.Context, accountID int64) error {
	for _, query := range []string{db.q.EndBroadcastAlerts, db.q.EndChannelAlerts} {
		if _, err := db.exec(ctx, query, accountID, db.Now()); err != nil {
			return fmt.Errorf("end the alerts of broadcasts: %w", err)
		}
	}
	return nil
}

// PendingNotices are what is to be told next, in the order in which it was raised.
func (db *DB) PendingNotices(ctx context.Context, accountID int64, limit int) ([]wxcast.Notice, error) {
	return db.notices(ctx, db.q.PendingNotices, accountID, limit)
}

// StandingAlerts are alerts that are not over, the latest first.
func (db *DB) StandingAlerts(ctx context.Context, accountID int64, limit int) ([]wxcast.Notice, error) {
	return db.notices(ctx, db.q.StandingAlerts, accountID, limit)
}

func (db *DB) notices(ctx context.Context, query string, args ...any) ([]wxcast.Notice, error) {
	var rows []struct {
		wxcast.Notice
		Key      string       `db:"notice_key"`
		RaisedAt time.Time    `db:"raised_at"`
		OverAt   sql.NullTime `db:"over_at"`
	}
	if err := db.list(ctx, &rows, query, args...); err != nil {
		return nil, fmt.Errorf("read notices: %w", err)
	}
	all := make([]wxcast.Notice, len(rows))
	for i, r := range rows {
		all[i] = r.Notice
		all[i].Key, all[i].RaisedAt, all[i].OverAt = r.Key, r.RaisedAt.UTC(), utc(r.OverAt)
	}
	return all, nil
}

// TellingEnd notes that people are about to be told of an alert's end: when it comes back
// they are told so, even if nobody notes that they were.
func (db *DB) TellingEnd(ctx context.Context, n wxcast.Notice) error {
	if _, err := db.exec(ctx, db.q.TellingEnd, n.ID); err != nil {
		return fmt.Errorf("note that the end of %s is told: %w", n.Key, err)
	}
	return nil
}

// NoticeTold notes that people were told: of an alert that is over, nothing is left.
func (db *DB) NoticeTold(ctx context.Context, n wxcast.Notice) error {
	query, args := db.q.NoticeTold, []any{n.ID, db.Now()}
	if !n.OverAt.IsZero() {
		query, args = db.q.DropNotice, args[:1]
	}
	if _, err := db.exec(ctx, query, args...); err != nil {
		return fmt.Errorf("note that %s was told: %w", n.Key, err)
	}
	return nil
}

// ReportDays are the Beijing days whose report was kept, the latest first.
func (db *DB) ReportDays(ctx context.Context, accountID int64) ([]wxcast.Day, error) {
	var keys []string
	if err := db.list(ctx, &keys, db.q.ReportDays, accountID); err != nil {
		return nil, fmt.Errorf("list kept reports: %w", err)
	}
	days := make([]wxcast.Day, len(keys))
	for i, key := range keys {
		days[i] = wxcast.Day(strings.TrimPrefix(key, wxcast.ReportKey("")))
	}
	return days, nil
}

// KeptReport is the report of a day as it was told, as JSON; "" where none was.
func (db *DB) KeptReport(ctx context.Context, accountID int64, day wxcast.Day) (data string, err error) {
	if err := db.get(ctx, &data, db.q.KeptReport, accountID, wxcast.ReportKey(day)); err != nil &&
		!errors.Is(err, ErrNotFound) {
		return "", fmt.Errorf("look up the report of %s: %w", day, err)
	}
	return data, nil
}
