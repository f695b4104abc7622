package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// StopChannel stops one channel of a running broadcast. The others go on; where none is left
// the broadcast stops with it.
func (db *DB) StopChannel(ctx context.Context, ref wxcast.BroadcastRef, channel string, m wxcast.Move) error {
	ctx = within(ctx, hurried)
	err := db.tx(ctx, ref.AccountID, func(tx *sqlx.Tx) error {
		if err := db.lockBroadcast(ctx, tx, ref); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, db.q.StopChannel, ref.AccountID, ref.ID, channel, m.To, m.Reason,
			nullTime(m.ResumeAt), sql.NullInt64{Int64: m.Keep, Valid: m.ForQuota}); err != nil {
			return err
		}
		var running int
		if err := tx.GetContext(ctx, &running, db.q.RunningChannels, ref.AccountID, ref.ID); err != nil || running > 0 {
			return err
		}
		return db.strand(ctx, tx, ref)
	})
	if err != nil {
		return fmt.Errorf("stop channel %s of broadcast %d: %w", channel, ref.ID, err)
	}
	return nil
}

// Strand stops a running broadcast of which all that is left waits for channels that have
// stopped, as the first of those has.
func (db *DB) Strand(ctx context.Context, ref wxcast.BroadcastRef) error {
	ctx = within(ctx, hurried)
	err := db.tx(ctx, ref.AccountID, func(tx *sqlx.Tx) error {
		if err := db.lockBroadcast(ctx, tx, ref); err != nil {
			return err
		}
		return db.strand(ctx, tx, ref)
	})
	if err != nil {
		return fmt.Errorf("stop broadcast %d: %w", ref.ID, err)
	}
	return nil
}

// strand moves a running broadcast to where its stopped channels are: paused where a person has
// to look at one, else waiting for the first that goes on by itself.
func (db *DB) strand(ctx context.Context, tx *sqlx.Tx, ref wxcast.BroadcastRef) error {
	var stopped []struct {
		Channel  string
		State    wxcast.BroadcastState
		Reason   wxcast.Sentence
		ResumeAt sql.NullTime  `db:"resume_at"`
		WaitsFor sql.NullInt64 `db:"waits_for"`
	}
	if err := tx.SelectContext(ctx, &stopped, db.q.StoppedChannels, ref.AccountID, ref.ID); err != nil ||
		len(stopped) == 0 {
		return err
	}
	why := stopped[0]
	for _, s := range stopped {
		if s.State == why.State && s.ResumeAt.Valid && s.ResumeAt.Time.Before(why.ResumeAt.Time) {
			why = s
		}
	}
	_, err := tx.ExecContext(ctx, db.q.MoveBroadcast, ref.AccountID, ref.ID, wxcast.BroadcastRunning, why.State,
		why.Reason, nullTime(utc(why.ResumeAt)), nullTime(time.Time{}), why.WaitsFor)
	return err
}

// WakeChannels lets stopped channels of a broadcast go on: all of them, or those whose time has
// come.
func (db *DB) WakeChannels(ctx context.Context, ref wxcast.BroadcastRef, all bool) error {
	ctx = within(ctx, hurried)
	now := nullTime(db.Now())
	if all {
		now.Valid = false
	}
	if _, err := db.exec(ctx, db.q.WakeChannels, ref.AccountID, ref.ID, now); err != nil {
		return fmt.Errorf("wake the channels of broadcast %d: %w", ref.ID, err)
	}
	return nil
}

// ChannelsBehind are the channels that have stopped of an account's broadcasts that run by others.
func (db *DB) ChannelsBehind(ctx context.Context, accountID int64) ([]wxcast.StoppedChannel, error) {
	var rows []struct {
		ID       int64
		Name     string
		Channel  string
		State    wxcast.BroadcastState
		Reason   wxcast.Sentence
		ResumeAt sql.NullTime `db:"resume_at"`
	}
	if err := db.list(ctx, &rows, db.q.ChannelsBehind, accountID); err != nil {
		return nil, fmt.Errorf("look up the channels that have stopped: %w", err)
	}
	all := make([]wxcast.StoppedChannel, len(rows))
	for i, r := range rows {
		all[i] = wxcast.StoppedChannel{BroadcastID: r.ID, Broadcast: r.Name, BroadcastChannel: wxcast.BroadcastChannel{
			Name: r.Channel, State: r.State, Reason: r.Reason, ResumeAt: utc(r.ResumeAt)}}
	}
	return all, nil
}
