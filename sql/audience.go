package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
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
	now        time.Time // by the store's clock
	args       []any
	mini       bool // it is over the mini users who follow nothing
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
func (q *audienceQuery) listID(kind wxcast.ListKind) string {
	switch kind {
	case wxcast.ListOfUnionIDs:
		return "f.unionid"
	case wxcast.ListOfMiniOpenIDs:
		return q.miniOpenID()
	}
	if q.mini {
		return "NULL"
	}
	return "f.openid"
}

// miniOpenID is the column of a person's id in the mini program.
func (q *audienceQuery) miniOpenID() string {
	if q.mini {
		return "f.openid"
	}
	return "b.mini_openid"
}

// newAudienceQuery writes an audience behind the args, of which $1 is the account.
// after is the parameter of the openid behind which it begins; "" for the beginning.
func (db *DB) newAudienceQuery(a wxcast.Audience, after string, args ...any) *audienceQuery {
	return (&audienceQuery{engine: db.engine, now: db.Now(), args: args, vars: "NULL"}).of(a, after)
}

// newMiniQuery writes the same audience over the mini users who follow nothing.
func (db *DB) newMiniQuery(a wxcast.Audience, args ...any) *audienceQuery {
	return (&audienceQuery{engine: db.engine, now: db.Now(), args: args, vars: "NULL", mini: true}).of(a, "")
}

func (q *audienceQuery) of(a wxcast.Audience, after string) *audienceQuery {
	if !a.Unfollowed && !q.mini && !a.MiniUsers {
		q.add("unfollowed", "f.subscribed")
	}
	switch {
	case a.OpenID != "" && a.MiniUsers:
		q.add("openid", q.value(a.OpenID)+" IN (f.openid, "+q.miniOpenID()+")")
	case a.OpenID != "":
		q.add("openid", "f.openid = "+q.value(a.OpenID))
	}
	switch {
	case a.Bridged == nil, q.mini:
	case *a.Bridged && after != "":
		q.add("not bridged", "b.openid > "+after) // or the planner may begin at the first bridge each time
	case *a.Bridged:
		q.add("not bridged", "b.openid IS NOT NULL")
	default:
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
	if ways := q.reaches(a); len(ways) > 0 {
		q.add(outOfReach(a), "("+strings.Join(ways, " OR ")+")")
	}
	return q
}

// outOfReach is the word for those whom no channel reaches.
func outOfReach(a wxcast.Audience) string {
	switch {
	case len(a.Reach) > 1:
		return "out of reach"
	case a.Reach[0].Right == wxcast.RightPermit:
		return "no permit"
	case a.Reach[0].Right == wxcast.RightWindow:
		return "no window"
	}
	return "unfollowed"
}

// reaches are the conditions on which each way of an audience leads to a person now.
func (q *audienceQuery) reaches(a wxcast.Audience) (ways []string) {
	for _, r := range a.Reach {
		follows := "f.subscribed"
		switch {
		case r.Right == wxcast.RightPermit && (r.OfMini || !q.mini):
			id := "f.openid"
			if r.OfMini {
				id = q.miniOpenID()
			}
			ways = append(ways, "(SELECT 1 FROM permits p WHERE p.account_id = $1 AND p.app_id = "+
				q.value(r.AppID)+" AND p.template_id = "+q.value(r.TemplateID)+" AND p.recipient = "+id+
				" AND p.messages > 0 LIMIT 1) IS NOT NULL") // not EXISTS: Postgres may read all of them for that
		case q.mini:
			ways = append(ways, "FALSE")
		case r.Right == wxcast.RightWindow:
			ways = append(ways, follows+" AND (SELECT 1 FROM windows w WHERE w.account_id = $1 AND "+
				"w.openid = f.openid AND w.messages > 0 AND w.closes_at > "+q.value(q.now.UTC())+
				" LIMIT 1) IS NOT NULL")
		default:
			ways = append(ways, follows)
		}
	}
	return ways
}

func (q *audienceQuery) addList(a wxcast.Audience) {
	if a.In != nil {
		q.joins += " LEFT JOIN list_rows l ON l.account_id = $1 AND l.list_id = " + q.value(a.In.ID) +
			" AND l.id = " + q.listID(a.In.Kind)
		q.vars = "l.vars"
		q.add("not in the list", "l.id IS NOT NULL")
	}
	for _, list := range a.NotIn {
		q.add("in a list of not_in",
			"NOT EXISTS (SELECT 1 FROM list_rows x WHERE x.account_id = $1 AND x.list_id = "+
				q.value(list.ID)+" AND x.id = "+q.listID(list.Kind)+")")
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
	if r.OpenID != "" { // else they follow nothing
		if err := json.Unmarshal([]byte(r.Tags), &tags); err != nil {
			return wxcast.FollowerRecord{}, fmt.Errorf("the tags of %s: %w", r.OpenID, err)
		}
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
	q := db.newAudienceQuery(audience, "$3", accountID, audience.MiniID, after, limit)
	var rows []followerRecordRow
	if err := db.list(ctx, &rows, fmt.Sprintf(db.q.ListFollowers, q.vars, q.joins, q.where()), q.args...); err != nil {
		return nil, fmt.Errorf("list followers: %w", err)
	}
	if audience.MiniUsers {
		var minis []followerRecordRow
		upTo := "~"             // behind every id
		if len(rows) == limit { // else each page would look through all who follow
			upTo = string(rows[limit-1].OpenID)
		}
		q := db.newMiniQuery(audience, accountID, audience.MiniID, after, limit, upTo)
		if err := db.list(ctx, &minis, fmt.Sprintf(db.q.ListMiniUsers, q.vars, q.joins, q.where()),
			q.args...); err != nil {
			return nil, fmt.Errorf("list mini users: %w", err)
		}
		rows = append(rows, minis...)
		slices.SortFunc(rows, func(a, b followerRecordRow) int { return cmp.Compare(a.id(), b.id()) })
		rows = rows[:min(len(rows), limit)]
	}
	return followerRecords(rows)
}

// id is what the person stands by: the openid, or the mini_openid of who follows nothing.
func (r followerRecordRow) id() string {
	if r.OpenID != "" {
		return string(r.OpenID)
	}
	return r.MiniOpenID.String
}

// CountAudience counts who is in an audience now, and why the others are not.
func (db *DB) CountAudience(ctx context.Context, accountID int64, audience wxcast.Audience) (c wxcast.AudienceCount,
	err error) {
	c.Reached = make([]int64, len(audience.Reach))
	q := db.newAudienceQuery(audience, "", accountID, audience.MiniID)
	if err := db.countSide(ctx, &c, audience, db.q.CountAudience, q); err != nil {
		return c, err
	}
	if audience.MiniUsers {
		q := db.newMiniQuery(audience, accountID, audience.MiniID)
		if err := db.countSide(ctx, &c, audience, db.q.CountMiniAudience, q); err != nil {
			return c, err
		}
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

// countSide adds the followers, or the mini users who follow nothing, to an audience's count.
func (db *DB) countSide(ctx context.Context, c *wxcast.AudienceCount, audience wxcast.Audience, query string,
	q *audienceQuery) error {
	cases := ""
	for i, condition := range q.conditions {
		cases += fmt.Sprintf(" WHEN NOT COALESCE(%s, FALSE) THEN %d", condition.sql, i)
	}
	for i, way := range q.reaches(audience) {
		cases += fmt.Sprintf(" WHEN %s THEN %d", way, -2-i)
	}
	var rows []struct {
		Reason int
		N      int64
	}
	if err := db.list(ctx, &rows, fmt.Sprintf(query, cases, q.joins), q.args...); err != nil {
		return fmt.Errorf("count the audience: %w", err)
	}
	for _, r := range rows {
		reason := ""
		if r.Reason >= 0 {
			reason = q.conditions[r.Reason].out
		}
		if reason == "unfollowed" || reason == "not bridged" && audience.MiniUsers {
			continue // they are not of those whom it could be about
		}
		c.Followers += r.N
		if r.Reason < 0 {
			c.Recipients += r.N
			if way := -2 - r.Reason; way >= 0 {
				c.Reached[way] += r.N
			}
			continue
		}
		i := slices.IndexFunc(c.Out, func(o wxcast.OutReason) bool { return o.Reason == reason })
		if i < 0 {
			i, c.Out = len(c.Out), append(c.Out, wxcast.OutReason{Reason: reason})
		}
		c.Out[i].N += r.N // two conditions may be of one word
	}
	return nil
}

// countList counts the list's rows, and those that are a current follower's.
func (db *DB) countList(ctx context.Context, accountID int64, audience wxcast.Audience, c *wxcast.AudienceCount) error {
	found := wxcast.Audience{MiniID: audience.MiniID, In: audience.In, MiniUsers: audience.MiniUsers}
	q := db.newAudienceQuery(found, "", accountID, audience.MiniID)
	if err := db.get(ctx, &c.ListFound, fmt.Sprintf(db.q.CountFound, q.joins, q.where()), q.args...); err != nil {
		return fmt.Errorf("count who of the list follows: %w", err)
	}
	if audience.MiniUsers {
		var minis wxcast.AudienceCount
		q := db.newMiniQuery(found, accountID, audience.MiniID)
		if err := db.countSide(ctx, &minis, found, db.q.CountMiniAudience, q); err != nil {
			return err
		}
		c.ListFound += minis.Recipients
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
