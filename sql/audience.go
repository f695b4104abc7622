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

// condition is one narrowing of an audience, with the word for who it leaves out.
type condition struct{ out, sql string }

// audienceQuery is an audience as SQL over followers f and bridges b, and over the
// list l or the earlier deliveries r that bring variables. The text is ours alone;
// what people wrote goes into args.
type audienceQuery struct {
	engine     Engine
	args       []any
	joins      string
	vars       string // the expression of a recipient's variables
	conditions []condition
}

func (q *audienceQuery) value(v any) string {
	q.args = append(q.args, v)
	return "$" + strconv.Itoa(len(q.args))
}

func (q *audienceQuery) add(out, sql string) {
	q.conditions = append(q.conditions, condition{out, sql})
}

// where joins all conditions.
func (q *audienceQuery) where() string {
	if len(q.conditions) == 0 {
		return "TRUE"
	}
	all := make([]string, len(q.conditions))
	for i, c := range q.conditions {
		all[i] = c.sql
	}
	return strings.Join(all, " AND ")
}

// hash32 is an expression from 0 to 2^32-1 for a text, the same on both engines.
func (e Engine) hash32(text string) string {
	if e == SQLite {
		return "md5_32(" + text + ")"
	}
	return "('x' || SUBSTR(MD5(" + text + "), 1, 8))::bit(32)::bigint"
}

// listID is the column that a list's ids name.
func listID(kind wxcast.ListKind) string {
	switch kind {
	case wxcast.ListOfUnionIDs:
		return "f.unionid"
	case wxcast.ListOfMiniOpenIDs:
		return "b.mini_openid"
	}
	return "f.openid"
}

// newAudienceQuery writes an audience behind the args, of which $1 is the account.
// after is the parameter of the openid behind which it begins; "" for the beginning.
func newAudienceQuery(engine Engine, a wxcast.Audience, after string, args ...any) *audienceQuery {
	q := &audienceQuery{engine: engine, args: args, vars: "NULL"}
	if !a.Unfollowed {
		q.add("unfollowed", "f.subscribed")
	}
	if a.OpenID != "" {
		q.add("openid", "f.openid = "+q.value(a.OpenID))
	}
	if a.Bridged != nil && *a.Bridged && after != "" {
		q.add("not bridged", "b.openid > "+after) // or the planner may begin at the first bridge each time
	} else if a.Bridged != nil && *a.Bridged {
		q.add("not bridged", "b.openid IS NOT NULL")
	} else if a.Bridged != nil {
		q.add("bridged", "b.openid IS NULL")
	}
	q.addList(a)
	if a.Retry != nil {
		q.addRetry(*a.Retry)
	}
	q.addTraits(a)
	q.addHistory(a)
	if a.Sample > 0 {
		q.add("sample", q.engine.hash32(q.value(a.Salt)+" || f.openid")+" < "+q.value(int64(a.Sample*(1<<32))))
	}
	return q
}

func (q *audienceQuery) addList(a wxcast.Audience) {
	if a.In != nil {
		q.joins += " LEFT JOIN list_rows l ON l.account_id = $1 AND l.list_id = " + q.value(a.In.ID) + " AND l.id = " + listID(a.In.Kind)
		q.vars = "l.vars"
		q.add("not in the list", "l.id IS NOT NULL")
	}
	for _, list := range a.NotIn {
		q.add("in a list of not_in",
			"NOT EXISTS (SELECT 1 FROM list_rows x WHERE x.account_id = $1 AND x.list_id = "+q.value(list.ID)+" AND x.id = "+listID(list.Kind)+")")
	}
}

// addRetry takes the failed of another broadcast.
func (q *audienceQuery) addRetry(r wxcast.RetryOf) {
	q.joins += " LEFT JOIN deliveries r ON r.account_id = $1 AND r.broadcast_id = " + q.value(r.BroadcastID) +
		" AND r.recipient = f.openid AND r.state = 'failed'"
	q.vars = "r.vars"
	if len(r.ErrCodes) > 0 {
		codes := make([]string, len(r.ErrCodes))
		for i, code := range r.ErrCodes {
			codes[i] = q.value(code)
		}
		q.joins += " AND r.errcode IN (" + strings.Join(codes, ", ") + ")"
	}
	q.add("not failed", "r.recipient IS NOT NULL")
}

// addTraits narrows by what WeChat tells of a follower.
func (q *audienceQuery) addTraits(a wxcast.Audience) {
	tags := func(ids []int) (each []string) {
		for _, id := range ids { // tags are a JSON array of numbers, such as [2,100]
			each = append(each, "REPLACE(REPLACE(f.tags, '[', ','), ']', ',') LIKE "+q.value(fmt.Sprintf("%%,%d,%%",
				id)))
		}
		return each
	}
	if len(a.TagsAny) > 0 {
		q.add("tags", "("+strings.Join(tags(a.TagsAny), " OR ")+")")
	}
	for _, tag := range tags(a.TagsAll) {
		q.add("tags", tag)
	}
	if len(a.TagsNone) > 0 {
		q.add("tags", "NOT ("+strings.Join(tags(a.TagsNone), " OR ")+")")
	}
	if len(a.Scenes) > 0 {
		scenes := make([]string, len(a.Scenes))
		for i, scene := range a.Scenes {
			scenes[i] = q.value(scene)
		}
		q.add("scene", "f.subscribe_scene IN ("+strings.Join(scenes, ", ")+")")
	}
	if !a.FollowedFrom.IsZero() {
		q.add("follow date", "f.subscribe_time >= "+q.value(a.FollowedFrom.UTC()))
	}
	if !a.FollowedUntil.IsZero() {
		q.add("follow date", "f.subscribe_time < "+q.value(a.FollowedUntil.UTC()))
	}
}

// addHistory narrows by what people got before, and by what they asked for.
func (q *audienceQuery) addHistory(a wxcast.Audience) {
	if len(a.NotOfBroadcasts) > 0 {
		ids := make([]string, len(a.NotOfBroadcasts))
		for i, id := range a.NotOfBroadcasts {
			ids[i] = q.value(id)
		}
		q.add("in an excluded broadcast",
			"NOT EXISTS (SELECT 1 FROM deliveries x WHERE x.account_id = $1 AND x.broadcast_id IN ("+strings.Join(ids,
				", ")+
				") AND x.recipient = f.openid AND x.state IN ('pending', 'sent', 'unknown'))")
	}
	if since := a.NotMessagedSince; !since.IsZero() {
		t := q.value(since.UTC())
		q.add("messaged lately",
			"NOT EXISTS (SELECT 1 FROM deliveries x WHERE x.account_id = $1 AND x.recipient = f.openid AND ("+
				"x.state IN ('sent', 'unknown') AND x.attempted_at >= "+t+" OR x.state = 'pending' AND "+
				"x.broadcast_id IN (SELECT id FROM broadcasts WHERE account_id = $1 AND finished_at IS NULL AND "+
				"state IN ('running', 'waiting'))))")
	}
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
	Vars          sql.NullString
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
		MiniOpenID: wxcast.MiniOpenID(r.MiniOpenID.String), FirstSeenAt: r.FirstSeenAt.UTC(),
		DetailsAt:    r.DetailsAt.UTC(),
		UnfollowedAt: utc(r.UnfollowedAt), RefollowedAt: utc(r.RefollowedAt), Vars: variables(r.Vars),
	}, nil
}

// Followers pages through an account's followers in an audience, in openid order
// behind after.
func (db *DB) Followers(ctx context.Context, accountID int64, audience wxcast.Audience, after wxcast.OpenID,
	limit int) ([]wxcast.FollowerRecord, error) {
	q := newAudienceQuery(db.engine, audience, "$3", accountID, audience.MiniID, after, limit)
	var rows []followerRecordRow
	if err := db.list(ctx, &rows, fmt.Sprintf(db.q.ListFollowers, q.vars, q.joins, q.where()), q.args...); err != nil {
		return nil, fmt.Errorf("list followers: %w", err)
	}
	return followerRecords(rows)
}

// CountAudience counts who is in an audience now, and why the others are not.
func (db *DB) CountAudience(ctx context.Context, accountID int64, audience wxcast.Audience) (c wxcast.AudienceCount,
	err error) {
	q := newAudienceQuery(db.engine, audience, "", accountID, audience.MiniID)
	var reasons []string
	cases := ""
	for i, condition := range q.conditions {
		cases += fmt.Sprintf(" WHEN NOT COALESCE(%s, FALSE) THEN %d", condition.sql, i)
		reasons = append(reasons, condition.out)
	}
	var rows []struct {
		Reason int
		N      int64
	}
	if err := db.list(ctx, &rows, fmt.Sprintf(db.q.CountAudience, cases, q.joins), q.args...); err != nil {
		return c, fmt.Errorf("count the audience: %w", err)
	}
	for _, r := range rows {
		if r.Reason >= 0 && reasons[r.Reason] == "unfollowed" {
			continue
		}
		c.Followers += r.N
		if r.Reason < 0 {
			c.Recipients = r.N
			continue
		}
		if last := len(c.Out) - 1; last >= 0 && c.Out[last].Reason == reasons[r.Reason] {
			c.Out[last].N += r.N // two conditions of one word
			continue
		}
		c.Out = append(c.Out, wxcast.OutReason{Reason: reasons[r.Reason], N: r.N})
	}
	if audience.Limit > 0 && c.Recipients > audience.Limit {
		c.Out = append(c.Out, wxcast.OutReason{Reason: "limit", N: c.Recipients - audience.Limit})
		c.Recipients = audience.Limit
	}
	if audience.In != nil {
		err = db.countList(ctx, accountID, audience, &c)
	}
	return c, err
}

// countList counts the list's rows, and those that are a current follower's.
func (db *DB) countList(ctx context.Context, accountID int64, audience wxcast.Audience, c *wxcast.AudienceCount) error {
	q := newAudienceQuery(db.engine, wxcast.Audience{MiniID: audience.MiniID, In: audience.In}, "", accountID,
		audience.MiniID)
	if err := db.get(ctx, &c.ListFound, fmt.Sprintf(db.q.CountFound, q.joins, q.where()), q.args...); err != nil {
		return fmt.Errorf("count who of the list follows: %w", err)
	}
	if err := db.get(ctx, &c.ListRows, db.q.CountList, accountID, audience.In.ID); err != nil {
		return fmt.Errorf("count the list: %w", err)
	}
	return nil
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

// variables are a recipient's own, from our own JSON; a hand-edited row has none.
func variables(text sql.NullString) (vars map[string]string) {
	if text.Valid {
		_ = json.Unmarshal([]byte(text.String), &vars)
	}
	return vars
}
