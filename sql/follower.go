package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// FollowerCounts counts an account's followers by what is known of them.
func (db *DB) FollowerCounts(ctx context.Context, accountID int64) (c wxcast.FollowerCounts, err error) {
	if err := db.get(ctx, &c, db.q.CountFollowers, accountID); err != nil {
		return c, fmt.Errorf("count followers: %w", err)
	}
	return c, nil
}

// FollowerGrowth counts who came and who left in [from, to).
func (db *DB) FollowerGrowth(ctx context.Context, accountID int64, from, to time.Time) (gained, lost int64, err error) {
	var row struct{ Gained, Lost int64 }
	if err := db.get(ctx, &row, db.q.FollowerGrowth, accountID, from.UTC(), to.UTC()); err != nil {
		return 0, 0, fmt.Errorf("count growth: %w", err)
	}
	return row.Gained, row.Lost, nil
}

// GrowthByDay counts who came and who left in [from, to), by Beijing day.
func (db *DB) GrowthByDay(ctx context.Context, accountID int64, from, to time.Time) (map[wxcast.Day]wxcast.Growth,
	error) {
	var rows []struct {
		Day int64 // since 1970-01-01
		wxcast.Growth
	}
	if err := db.list(ctx, &rows, db.q.GrowthByDay, accountID, from.UTC(), to.UTC()); err != nil {
		return nil, fmt.Errorf("count growth by day: %w", err)
	}
	growth := make(map[wxcast.Day]wxcast.Growth, len(rows))
	for _, r := range rows {
		growth[wxcast.DayOf(time.Unix(r.Day*24*3600, 0))] = r.Growth
	}
	return growth, nil
}

type followerRow struct {
	OpenID        wxcast.OpenID   `json:"openid"`
	UnionID       *wxcast.UnionID `json:"unionid"`
	SubscribeTime *string         `json:"subscribe_time"`
	Scene         string          `json:"scene"`
	Remark        string          `json:"remark"`
	Tags          string          `json:"tags"`
}

func followerRows(followers []wxcast.Follower) []followerRow {
	rows := make([]followerRow, len(followers))
	for i, f := range followers {
		tags := "[]"
		if len(f.Tags) > 0 {
			tags = jsonParam(f.Tags)
		}
		rows[i] = followerRow{f.OpenID, jsonText(f.UnionID), jsonTime(f.SubscribeTime), f.Scene, f.Remark, tags}
	}
	return rows
}

// Unfollow marks followers as gone, outside a sync, and returns how many were not yet. asOf is
// when they were gone: when WeChat was asked, or told it. Who has followed again since stays.
func (db *DB) Unfollow(ctx context.Context, accountID int64, openids []wxcast.OpenID,
	asOf time.Time) (unfollowed int64, err error) {
	err = db.tx(ctx, accountID, func(tx *sqlx.Tx) error {
		if unfollowed, err = db.tellPeople(ctx, tx, accountID, "unfollowed", db.q.Unfollow, accountID, db.Now(),
			jsonParam(openids), asOf.UTC()); err != nil || unfollowed == 0 {
			return err
		}
		_, err := tx.ExecContext(ctx, db.q.BumpPeople, accountID)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("mark %d followers as gone: %w", len(openids), err)
	}
	return unfollowed, nil
}
