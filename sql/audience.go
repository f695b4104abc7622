package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// audienceSQL writes an audience as conditions on followers f and bridges b, with
// its values behind args. The text is ours alone; what people wrote goes into args.
func audienceSQL(a wxcast.Audience, args []any) (string, []any) {
	var conditions []string
	value := func(v any) string {
		args = append(args, v)
		return "$" + strconv.Itoa(len(args))
	}
	// Tags are a JSON array of numbers, such as [2,100].
	hasTag := func(tag int) string {
		return "REPLACE(REPLACE(f.tags, '[', ','), ']', ',') LIKE " + value(fmt.Sprintf("%%,%d,%%", tag))
	}
	all := func(tags []int) (out []string) {
		for _, tag := range tags {
			out = append(out, hasTag(tag))
		}
		return out
	}
	if !a.Unfollowed {
		conditions = append(conditions, "f.subscribed")
	}
	if a.OpenID != "" {
		conditions = append(conditions, "f.openid = "+value(a.OpenID))
	}
	if a.Bridged != nil && *a.Bridged {
		conditions = append(conditions, "b.openid IS NOT NULL")
	} else if a.Bridged != nil {
		conditions = append(conditions, "b.openid IS NULL")
	}
	if len(a.TagsAny) > 0 {
		conditions = append(conditions, "("+strings.Join(all(a.TagsAny), " OR ")+")")
	}
	conditions = append(conditions, all(a.TagsAll)...)
	if len(a.TagsNone) > 0 {
		conditions = append(conditions, "NOT ("+strings.Join(all(a.TagsNone), " OR ")+")")
	}
	if len(a.Scenes) > 0 {
		var scenes []string
		for _, scene := range a.Scenes {
			scenes = append(scenes, value(scene))
		}
		conditions = append(conditions, "f.subscribe_scene IN ("+strings.Join(scenes, ", ")+")")
	}
	if !a.FollowedFrom.IsZero() {
		conditions = append(conditions, "f.subscribe_time >= "+value(a.FollowedFrom.UTC()))
	}
	if !a.FollowedUntil.IsZero() {
		conditions = append(conditions, "f.subscribe_time < "+value(a.FollowedUntil.UTC()))
	}
	if len(conditions) == 0 {
		return "TRUE", args
	}
	return strings.Join(conditions, " AND "), args
}

type followerRecordRow struct {
	OpenID        wxcast.OpenID  `db:"openid"`
	UnionID       sql.NullString `db:"unionid"`
	MiniOpenID    sql.NullString `db:"mini_openid"`
	Subscribed    bool
	SubscribeTime sql.NullTime `db:"subscribe_time"`
	Scene         string       `db:"subscribe_scene"`
	Remark        string
	Tags          string
	FirstSeenAt   time.Time    `db:"first_seen_at"`
	DetailsAt     time.Time    `db:"details_at"`
	UnfollowedAt  sql.NullTime `db:"unfollowed_at"`
	RefollowedAt  sql.NullTime `db:"refollowed_at"`
}

func (r followerRecordRow) record() (wxcast.FollowerRecord, error) {
	var tags []int
	if err := json.Unmarshal([]byte(r.Tags), &tags); err != nil {
		return wxcast.FollowerRecord{}, fmt.Errorf("the tags of %s: %w", r.OpenID, err)
	}
	return wxcast.FollowerRecord{
		Follower: wxcast.Follower{
			OpenID: r.OpenID, UnionID: wxcast.UnionID(r.UnionID.String), Subscribed: r.Subscribed,
			SubscribeTime: utc(r.SubscribeTime), Scene: r.Scene, Remark: r.Remark, Tags: tags,
		},
		MiniOpenID: wxcast.MiniOpenID(r.MiniOpenID.String), FirstSeenAt: r.FirstSeenAt.UTC(), DetailsAt: r.DetailsAt.UTC(),
		UnfollowedAt: utc(r.UnfollowedAt), RefollowedAt: utc(r.RefollowedAt),
	}, nil
}

// Followers pages through an account's followers in an audience, in openid order
// behind after.
func (db *DB) Followers(ctx context.Context, accountID int64, audience wxcast.Audience, after wxcast.OpenID, limit int) ([]wxcast.FollowerRecord, error) {
	where, args := audienceSQL(audience, []any{accountID, audience.MiniID, after, limit})
	var rows []followerRecordRow
	if err := db.list(ctx, &rows, db.q.ListFollowers+" AND "+where+" ORDER BY f.openid LIMIT $4", args...); err != nil {
		return nil, fmt.Errorf("list followers: %w", err)
	}
	return followerRecords(rows)
}

func followerRecords(rows []followerRecordRow) (records []wxcast.FollowerRecord, err error) {
	records = make([]wxcast.FollowerRecord, len(rows))
	for i, r := range rows {
		if records[i], err = r.record(); err != nil {
			return nil, err
		}
	}
	return records, nil
}
