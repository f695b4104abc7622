package store

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// VisitKey is the account's key for the marks of its messages.
func (db *DB) VisitKey(ctx context.Context, accountID int64) ([]byte, error) {
	salt, err := db.auditSalt(ctx, accountID)
	if err != nil {
		return nil, fmt.Errorf("look up the key of visits: %w", err)
	}
	mac := hmac.New(sha256.New, []byte(salt))
	_, _ = mac.Write([]byte("visits"))
	return mac.Sum(nil), nil
}

// RecipientsOf are the ids under which a mini user may be a broadcast's recipient: their own, and
// those of the follower that they are, or were.
func (db *DB) RecipientsOf(ctx context.Context, accountID, miniID int64,
	who wxcast.MiniOpenID) (ids []wxcast.Recipient, err error) {
	of, err := db.FollowersOf(ctx, accountID, miniID, []wxcast.MiniOpenID{who})
	ids = append(ids, wxcast.Recipient(who))
	for _, openid := range of[who] {
		ids = append(ids, wxcast.Recipient(openid))
	}
	return ids, err
}

// FollowersOf are the followers who are mini users, by their unionid: also those who have left. It
// is several for one only where WeChat has told wrong unionids.
func (db *DB) FollowersOf(ctx context.Context, accountID, miniID int64,
	who []wxcast.MiniOpenID) (map[wxcast.MiniOpenID][]wxcast.OpenID, error) {
	var rows []struct {
		MiniOpenID wxcast.MiniOpenID `db:"mini_openid"`
		OpenID     wxcast.OpenID     `db:"openid"`
	}
	if err := db.list(ctx, &rows, db.q.OpenIDsOfMiniUsers, accountID, miniID, jsonParam(who)); err != nil {
		return nil, fmt.Errorf("look up who %d mini users are: %w", len(who), err)
	}
	of := make(map[wxcast.MiniOpenID][]wxcast.OpenID, len(rows))
	for _, r := range rows {
		of[r.MiniOpenID] = append(of[r.MiniOpenID], r.OpenID)
	}
	return of, nil
}

// toldVisit is a visit, for other systems.
type toldVisit struct {
	Broadcast int64            `json:"broadcast,omitempty"`
	Message   int64            `json:"message,omitempty"`
	Recipient wxcast.Recipient `json:"recipient"`
	Scene     int              `json:"scene,omitempty"`
}

// AddVisit keeps that somebody came by a message, once for each message; counted is false where
// they had come by it before.
func (db *DB) AddVisit(ctx context.Context, accountID int64, v wxcast.Visit) (counted bool, err error) {
	at := v.At.UTC().Truncate(time.Microsecond)
	err = db.tx(ctx, accountID, func(tx *sqlx.Tx) error {
		n, err := execRows(ctx, tx, db.q.AddVisit, accountID, v.BroadcastID, v.Recipient, v.Message, v.MiniOpenID, at,
			at.Add(wxcast.GoalsWithin), v.Scene)
		if counted = n == 1; err != nil || !counted {
			return err
		}
		told := toldVisit{Broadcast: v.BroadcastID, Recipient: v.Recipient, Scene: v.Scene}
		if v.Message != 0 {
			told.Broadcast, told.Message = 0, v.Message
		}
		o := happened(told)
		o.at = at
		return db.tell(ctx, tx, accountID, wxcast.EventsOfVisits+".came", nil, o)
	})
	if err != nil {
		return false, fmt.Errorf("keep a visit: %w", err)
	}
	return counted, nil
}

type goalRow struct {
	OpenID     *wxcast.OpenID     `json:"openid"`
	MiniOpenID *wxcast.MiniOpenID `json:"mini_openid"`
	Goal       string             `json:"goal"`
	Amount     int64              `json:"amount"`
	At         *string            `json:"at"`
	Key        string             `json:"key"`
}

// toldGoal is a goal, for other systems.
type toldGoal struct {
	OpenID     string `json:"openid,omitempty"`
	MiniOpenID string `json:"mini_openid,omitempty"`
	Goal       string `json:"goal"`
	Amount     int64  `json:"amount_cents,omitempty"`
}

// AddGoals keeps what people did, each key once, and returns how many were new.
func (db *DB) AddGoals(ctx context.Context, accountID int64, goals []wxcast.Goal) (added int64, err error) {
	rows := make([]goalRow, len(goals))
	for i, g := range goals {
		rows[i] = goalRow{jsonText(g.OpenID), jsonText(g.MiniOpenID), g.Name, g.Amount, jsonTime(g.At),
			cmp.Or(callersKeyOf(g.Key), ownKey+rand.Text())}
	}
	err = db.tx(ctx, accountID, func(tx *sqlx.Tx) error {
		var new []struct {
			OpenID     sql.NullString `db:"openid"`
			MiniOpenID sql.NullString `db:"mini_openid"`
			Goal       string
			Amount     int64
			At         time.Time
		}
		if err := tx.SelectContext(ctx, &new, db.q.AddGoals, accountID, jsonParam(rows)); err != nil {
			return err
		}
		added = int64(len(new))
		all := make([]occurrence, len(new))
		for i, g := range new {
			all[i] = happened(toldGoal{g.OpenID.String, g.MiniOpenID.String, g.Goal, g.Amount})
			all[i].at = g.At.UTC()
		}
		return db.tell(ctx, tx, accountID, wxcast.EventsOfGoals+".reached", nil, all...)
	})
	if err != nil {
		return 0, fmt.Errorf("keep %d goals: %w", len(goals), err)
	}
	return added, nil
}

// Results counts what a broadcast's messages brought about, as far as it is kept.
func (db *DB) Results(ctx context.Context, b wxcast.Broadcast, t wxcast.Tally) (r wxcast.Results, err error) {
	r.ByChannel = map[string]wxcast.ChannelResults{}
	for _, byChannel := range []bool{false, true} { // a person may come by messages of two channels
		var rows []struct {
			Channel string
			wxcast.ChannelResults
		}
		if err := db.list(ctx, &rows, db.q.CountVisits, b.AccountID, b.ID, byChannel); err != nil {
			return r, fmt.Errorf("count the visits of broadcast %d: %w", b.ID, err)
		}
		for _, row := range rows {
			if byChannel {
				r.ByChannel[row.Channel] = row.ChannelResults
			} else {
				r.Came, r.Converted, r.Amount = row.Came, row.Converted, row.Amount
			}
		}
	}
	if b.Audience.Holdout == 0 || b.StartedAt.IsZero() {
		return r, nil
	}
	var groups []struct {
		HeldOut bool `db:"held_out"`
		People  int64
		Amount  int64
	}
	if err := db.list(ctx, &groups, db.q.CountGoalsOfRecipients, b.AccountID, b.ID, b.StartedAt.UTC(),
		b.StartedAt.UTC().Add(wxcast.GoalsWithin), wxcast.ErrCodeHeldOut); err != nil {
		return r, fmt.Errorf("count the goals of broadcast %d: %w", b.ID, err)
	}
	r.HeldOut.People = t.ByErrCode[wxcast.ErrCodeHeldOut]
	r.Treated.People = t.Recipients - t.Pending - r.HeldOut.People
	for _, g := range groups {
		group := &r.Treated
		if g.HeldOut {
			group = &r.HeldOut
		}
		group.Converted, group.Amount = g.People, g.Amount
	}
	return r, nil
}
