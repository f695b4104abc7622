package store

import (
	"context"
	"database/sql/driver"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// PreparedMost is how many statements a connection keeps.
const PreparedMost = preparedMost

// SQLiteConnector connects to a file as Open does.
func SQLiteConnector(path string) driver.Connector { return sqliteConnector{"file:" + path} }

// EndLists is the first step of removing lists.
func (db *DB) EndLists(ctx context.Context, accountID int64, before time.Time) ([]int64, error) {
	return db.endLists(ctx, accountID, before)
}

// PretendLater moves the store's clock on: what would take that long has taken it.
func (db *DB) PretendLater(by time.Duration) { db.clock.pretended.Add(int64(by)) }

// Skew makes the store's clock jump, for all who read it by this DB.
func (db *DB) Skew(by time.Duration) { db.clock.skewed.Add(int64(by)) }

// PretendSteady forgets that the store's clock has jumped.
func (db *DB) PretendSteady() {
	db.clock.mu.Lock()
	defer db.clock.mu.Unlock()
	db.clock.jumped = time.Time{}
}

// PretendQuiet moves a lane's last message into the past.
func (db *DB) PretendQuiet(ctx context.Context, lane wxcast.Lane, by time.Duration) error {
	_, err := db.exec(ctx, db.q.PutPacing, lane.AppID, lane.API, db.Now().Add(-by), 1, 1, nil)
	return err
}

// PretendRead moves the moment when a follower's details were read into the past.
func (db *DB) PretendRead(ctx context.Context, openid wxcast.OpenID, ago time.Duration) error {
	_, err := db.exec(ctx, "UPDATE followers SET details_at = $1 WHERE openid = $2", db.Now().Add(-ago), openid)
	return err
}

// CountCommits is how many transactions' ids are kept.
func (db *DB) CountCommits(t testing.TB) (n int) {
	t.Helper()
	if err := db.get(t.Context(), &n, "SELECT COUNT(*) FROM commits"); err != nil {
		t.Fatal(err)
	}
	return n
}

// Neighbours are a broadcast of which there are messages alone, another app, and another API.
const (
	neighbours   = 1 << 40
	neighbourApp = "wxneighbour"
	neighbourAPI = "/neighbour/send"
	neighbourDay = "2020-02-02"
)

// AddNeighbours stores messages of a broadcast that nobody knows, and the day's quota and the pace of
// others beside an account's own lane.
func (db *DB) AddNeighbours(t testing.TB, accountID int64, api string) {
	t.Helper()
	other, err := db.EnsureApp(context.Background(), neighbourApp, wxcast.KindMiniProgram)
	if err != nil {
		t.Fatal(err)
	}
	long, ahead := db.Now().Add(-24*time.Hour), db.Now().Add(24*time.Hour)
	if _, err := db.exec(context.Background(), `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8)
		INSERT INTO deliveries (account_id, broadcast_id, recipient, channel, right_at)
		SELECT CAST($1 AS BIGINT), 0, k.kind || '00000' || n.i, 'any', CASE WHEN n.i < 5 THEN CAST($2 AS TIMESTAMPTZ) END
		FROM n CROSS JOIN (SELECT 'o' AS kind UNION ALL SELECT 'm') k`, accountID, long); err != nil {
		t.Fatal(err)
	}
	for _, people := range []string{"o0000015", "o0000025", "zz"} {
		if _, err := db.exec(context.Background(), `INSERT INTO windows (account_id, openid, kind, opened_at, closes_at,
			messages) VALUES ($1, $2, 'text', $3, $4, 3)`, accountID, people, long, ahead.AddDate(100, 0, 0)); err != nil {
			t.Fatal(err)
		}
		if _, err := db.exec(context.Background(), `INSERT INTO blocks (account_id, channel, template_id, recipient,
			since) VALUES ($1, 'any', 'TPL_ID', $2, $3)`, accountID, people, db.Now()); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 8 {
		r := fmt.Sprintf("o%06d", i)
		for _, of := range [][2]string{{"any", "NEIGHBOURS"}, {"neighbours", "TPL_ID"}} {
			if _, err := db.exec(context.Background(), `INSERT INTO blocks (account_id, channel, template_id, recipient,
				since) VALUES ($1, $2, $3, $4, $5)`, accountID, of[0], of[1], r, db.Now()); err != nil {
				t.Fatal(err)
			}
		}
		for _, r := range []string{r, fmt.Sprintf("m%06d", i)} {
			if _, err := db.exec(context.Background(), `INSERT INTO permits (account_id, app_id, template_id, recipient,
				granted_at, source, kind, messages) VALUES ($1, $2, 'T', $3, $4, 'event', 'once', 3)`, accountID, other, r,
				long); err != nil {
				t.Fatal(err)
			}
		}
	}
	quota := func(lane wxcast.Lane, day wxcast.Day) {
		if _, err := db.exec(context.Background(), `INSERT INTO quota_days (app_id, api, day, daily_limit, used, read_used,
			claimed, ours, read_ours, read_at) VALUES ($1, $2, $3, 700, 600, 600, 500, 400, 400, $4)`, lane.AppID, lane.API,
			day, db.Now()); err != nil {
			t.Fatal(err)
		}
	}
	quota(wxcast.Lane{AppID: accountID, API: api}, neighbourDay)
	for _, lane := range []wxcast.Lane{{AppID: other, API: api}, {AppID: accountID, API: neighbourAPI}} {
		quota(lane, wxcast.DayOf(db.Now()))
		if _, err := db.exec(context.Background(), db.q.PutPacing, lane.AppID, lane.API, db.Now().Add(time.Hour), 1, 0.5,
			db.Now()); err != nil {
			t.Fatal(err)
		}
	}
	for recipient, at := range map[string][2]*time.Time{"o0000010": {nil, nil}, "o0000011": {&long, nil},
		"o0000020": {&long, &long}, "o0000021": {nil, &long}, "z": {&long, &long}, "zz": {&ahead, &ahead}} {
		if _, err := db.exec(context.Background(), `INSERT INTO deliveries (account_id, broadcast_id, recipient,
			channel, next_attempt_at, open_since) VALUES ($1, $2, $3, 'any', $4, $5)`, accountID, int64(neighbours),
			recipient, at[0], at[1]); err != nil {
			t.Fatal(err)
		}
	}
}

// Neighbours are those messages; not ok where the store is closed already.
func (db *DB) Neighbours(t testing.TB, accountID int64) (rows []string, ok bool) {
	t.Helper()
	if db.write.PingContext(context.Background()) != nil {
		return nil, false
	}
	rows = append(db.Rows(t, wxcast.BroadcastRef{AccountID: accountID, ID: neighbours}),
		db.Rows(t, wxcast.BroadcastRef{AccountID: accountID})...)
	var lanes []string
	if err := db.list(context.Background(), &lanes, `SELECT a.appid || ' ' || q.api || ' ' || q.day || ' ' || q.used ||
		' ' || q.claimed || ' ' || q.ours || ' ' || q.messages || ' ' || CAST(q.doubtful AS TEXT) || ' ' ||
		COALESCE(CASE WHEN q.day <> $3 THEN CAST(p.slot_at AS TEXT) || ' ' || p.share END, '-')
		FROM quota_days q JOIN apps a ON a.id = q.app_id LEFT JOIN pacing p ON p.app_id = q.app_id AND p.api = q.api
		WHERE a.appid = $1 OR q.api = $2 OR q.day = $3 ORDER BY 1`, neighbourApp, neighbourAPI, neighbourDay); err != nil {
		t.Fatal(err)
	}
	var rights []string
	if err := db.list(context.Background(), &rights, `SELECT openid || ' ' || CAST(opened_at AS TEXT) || ' ' || messages
		FROM windows WHERE account_id = $1 AND openid IN ('o0000015', 'o0000025', 'zz')
		UNION ALL SELECT p.recipient || ' ' || CAST(p.granted_at AS TEXT) || ' ' || p.messages || ' ' || p.kind
		FROM permits p JOIN apps a ON a.id = p.app_id WHERE p.account_id = $1 AND a.appid = $2 ORDER BY 1`, accountID,
		neighbourApp); err != nil {
		t.Fatal(err)
	}
	return slices.Concat(rows, lanes, rights), true
}

// Rows are a broadcast's deliveries: by which channel, their state, when they are due, and since when
// they are in doubt.
func (db *DB) Rows(t testing.TB, ref wxcast.BroadcastRef) (rows []string) {
	t.Helper()
	if err := db.list(context.Background(), &rows, `SELECT recipient || ' ' || channel || ' ' || state || ' ' ||
		COALESCE(CAST(next_attempt_at AS TEXT), '-') || ' ' || COALESCE(CAST(open_since AS TEXT), '-') || ' ' ||
		COALESCE(CAST(right_at AS TEXT), '-') FROM deliveries
		WHERE account_id = $1 AND broadcast_id = $2 ORDER BY recipient`, ref.AccountID, ref.ID); err != nil {
		t.Fatal(err)
	}
	return rows
}

// Put makes a delivery one of a channel's, due then and in doubt since.
func (db *DB) Put(t testing.TB, ref wxcast.BroadcastRef, r wxcast.Recipient, channel string, state wxcast.DeliveryState,
	due, since time.Time) {
	t.Helper()
	if n, err := db.exec(context.Background(), `UPDATE deliveries SET channel = $4, state = $5, next_attempt_at = $6,
		open_since = $7, attempted_at = $7 WHERE account_id = $1 AND broadcast_id = $2 AND recipient = $3`,
		ref.AccountID, ref.ID, r, channel, state, nullTime(due), nullTime(since)); err != nil || n != 1 {
		t.Fatal(n, err)
	}
}

// PutMsgID gives a delivery the id by which WeChat knows it, and what its receipt said; 0 and "" for
// none.
func (db *DB) PutMsgID(t testing.TB, ref wxcast.BroadcastRef, r wxcast.Recipient, msgid int64, receipt string) {
	t.Helper()
	if n, err := db.exec(context.Background(), `UPDATE deliveries SET msgid = NULLIF(CAST($4 AS BIGINT), 0),
		receipt = NULLIF($5, '')
		WHERE account_id = $1 AND broadcast_id = $2 AND recipient = $3`, ref.AccountID, ref.ID, r, msgid,
		receipt); err != nil || n != 1 {
		t.Fatal(n, err)
	}
}

// PrepareAll prepares every named query and returns the errors by name.
func (db *DB) PrepareAll(ctx context.Context) map[string]error {
	failed := map[string]error{}
	v := reflect.ValueOf(db.q)
	tx, err := db.write.Beginx()
	if err != nil {
		return map[string]error{"begin": err}
	}
	defer func() { _ = tx.Rollback() }()
	// These tables exist during an import and a join only.
	if _, err := tx.ExecContext(ctx, db.q.MakeImportStaging); err != nil {
		return map[string]error{"make-import-staging": err}
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf(db.q.MakePairs, 1, 2)); err != nil {
		return map[string]error{"make-pairs": err}
	}
	if _, err := tx.ExecContext(ctx, db.q.MakeShared); err != nil {
		return map[string]error{"make-shared": err}
	}
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("query")
		if name == "make-import-staging" || name == "make-pairs" || name == "make-shared" || name == "view-pairs" || name == "drop-pairs-view" || name == "tune-join" { // the last is two statements
			continue
		}
		if _, err := tx.ExecContext(ctx, "SAVEPOINT prepare"); err != nil {
			return map[string]error{name: err}
		}
		text := v.Field(i).String()
		switch name { // written with the conditions of an audience, or a set
		case "list-followers", "list-mini-users":
			text = fmt.Sprintf(text, "NULL", "", "TRUE")
		case "fix-people":
			text = fmt.Sprintf(text, "NULL", "", "TRUE", "0", "NULL", "", "TRUE")
		case "fix-recipients":
			text = fmt.Sprintf(text, "NULL", "", "TRUE", "0")
		case "count-audience", "count-mini-audience":
			text = fmt.Sprintf(text, " WHEN FALSE THEN 0", "")
		case "count-found":
			text = fmt.Sprintf(text, "", "TRUE")
		case "recent-messages", "pending-elsewhere", "find-blocks":
			text = fmt.Sprintf(text, db.engine.elements("$5"))
		case "get-pacing", "get-broadcast-for-claim":
			text = fmt.Sprintf(text, db.engine.clockColumn())
		case "drop-job-runs", "drop-sync-runs", "drop-notices", "drop-callbacks", "drop-early", "drop-blocks",
			"drop-gone-followers", "drop-loose-bridges", "drop-gone-testers", "remove-testers":
			text = fmt.Sprintf(text, db.engine.elements("$2"))
		case "drop-mini-users":
			text = fmt.Sprintf(text, db.engine.elements("$2"))
		case "begin-broadcasts", "leave-broadcasts", "drop-tallies", "defer-callbacks", "drop-relays", "put-off-relays",
			"name-messages", "get-fixing":
			text = fmt.Sprintf(text, db.engine.oneOf("$2"))
		case "new-broadcasts":
			text = fmt.Sprintf(text, db.engine.unlocked())
		case "find-commits", "known-messages":
			text = fmt.Sprintf(text, db.engine.elements("$2"))
		case "unionids-of", "name-optouts", "forgotten-among", "unionids-of-mini-users":
			text = fmt.Sprintf(text, db.engine.elements("$2"))
		case "find-comers", "delivery-states":
			text = fmt.Sprintf(text, db.engine.elements("$3"))
		case "add-optouts-beside":
			text = fmt.Sprintf(text, db.engine.elements("$4"))
		case "list-events", "latest-events", "add-testers":
			text = fmt.Sprintf(text, db.engine.elements("$4"))
		case "survey":
			text = fmt.Sprintf(text, db.engine.oneOf("$2"), db.engine.elements("$4"))
		case "any-lease-alive":
			text = fmt.Sprintf(text, db.engine.elements("$4"))
		case "messaged":
			text = fmt.Sprintf(text, db.engine.elements("$5"), db.engine.oneOf("$3"))
		case "add-blocks":
			text = fmt.Sprintf(text, db.engine.elements("$4"))
		}
		stmt, err := tx.PreparexContext(ctx, text)
		if err != nil {
			failed[name] = err
			_, _ = tx.ExecContext(ctx, "ROLLBACK TO SAVEPOINT prepare")
			continue
		}
		_ = stmt.Close()
	}
	return failed
}

// FlippedInPages are FlippedFollowers, read so many at a time.
func (db *DB) FlippedInPages(ctx context.Context, base, run wxcast.SyncRun,
	page int) iter.Seq2[wxcast.FollowerState, error] {
	return db.flippedFollowers(ctx, base, run, page)
}

// LoseCommits makes the store lose the transactions that happen in f, as far as a process can
// find out.
func (db *DB) LoseCommits(t testing.TB, accountID int64, f func()) {
	t.Helper()
	var before []string
	if err := db.read.SelectContext(t.Context(), &before, "SELECT id FROM commits"); err != nil {
		t.Fatal(err)
	}
	f()
	lose := fmt.Sprintf("DELETE FROM commits WHERE account_id = $2 AND id NOT IN (%s)", db.engine.elements("$1"))
	if _, err := db.write.ExecContext(t.Context(), lose, jsonParam(before), accountID); err != nil {
		t.Fatal(err)
	}
}

// AddHistory adds broadcasts that ended so long ago, each with a message to some of the followers
// in turn, of which a receipt came.
func (db *DB) AddHistory(t testing.TB, account, mini int64, broadcasts, each int, ago time.Duration) {
	t.Helper()
	at := db.Now().Add(-ago)
	tx, err := db.write.BeginTxx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	for i := range broadcasts {
		var id int64
		err := tx.GetContext(t.Context(), &id, `INSERT INTO broadcasts (account_id, mini_id, name, content_hash, spec,
			audience, message_key, state, rate, fixed, created_at, started_at, finished_at)
			VALUES ($1, $2, $3, 'h', '', '{}', $3, 'done', 100, TRUE, $4, $4, $4) RETURNING id`, account, mini,
			fmt.Sprint("past ", i), at)
		if err == nil {
			_, err = tx.ExecContext(t.Context(), `INSERT INTO deliveries (account_id, broadcast_id, recipient, channel,
				state, attempts, msgid, attempted_at, receipt)
				SELECT $1, $2, openid, 'any', 'sent', 1, $3, $4, 'success' FROM followers
				WHERE account_id = $1 AND openid > $5 ORDER BY openid LIMIT $6`, account, id, i+1, at,
				fmt.Sprintf("o%06d", i*each%20_000), each)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if db.engine == Postgres { // autovacuum has long been there
		for _, statement := range []string{"VACUUM (ANALYZE) broadcasts, deliveries", "CHECKPOINT"} {
			if _, err := db.write.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// KeptTally tells whether a broadcast's counts are kept.
func (db *DB) KeptTally(t testing.TB, ref wxcast.BroadcastRef) bool {
	t.Helper()
	var row broadcastRow
	if err := db.get(t.Context(), &row, db.q.GetBroadcast, ref.AccountID, ref.ID); err != nil {
		t.Fatal(err)
	}
	return row.Tally.Valid
}

// Dense tells whether the broadcast's followers and bridges are read in order.
func (db *DB) Dense(ref wxcast.BroadcastRef) bool { return db.dense(ref) }

// QueryTexts are all named queries of the engine, those of an audience with every condition.
func (db *DB) QueryTexts() map[string]string {
	texts := map[string]string{}
	v := reflect.ValueOf(db.q)
	for i := range v.NumField() {
		texts[v.Type().Field(i).Tag.Get("query")] = v.Field(i).String()
	}
	yes, list := true, &wxcast.ListRef{ID: 1, Kind: wxcast.ListOfOpenIDs}
	audience := db.newAudienceQuery(wxcast.Audience{
		Bridged: &yes, In: list, NotIn: []wxcast.ListRef{*list}, Retry: &wxcast.RetryOf{BroadcastID: 1},
		NotOfBroadcasts: []int64{1}, NotMessagedSince: time.Now(),
	}, "", 1, 2)
	texts["list-followers"] = fmt.Sprintf(texts["list-followers"], audience.vars, audience.joins, audience.where())
	return texts
}

// PlanOf is how SQLite goes about a query that names one person or a few.
func (db *DB) PlanOf(t testing.TB, query string, args int) string {
	t.Helper()
	params := make([]any, args)
	for i := range params {
		params[i] = "[]"
	}
	rows, err := db.read.QueryxContext(t.Context(), "EXPLAIN QUERY PLAN "+query, params...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var plan strings.Builder
	for rows.Next() {
		step := map[string]any{}
		if err := rows.MapScan(step); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&plan, step["detail"])
	}
	return plan.String()
}

// PeopleQueries are the queries that look up people's deliveries, with how many parameters
// each has.
func (db *DB) PeopleQueries() map[string]int {
	people := db.engine.elements("$5")
	return map[string]int{
		db.q.SettleReceipts: 4, db.q.DoubtfulReceipts: 4, db.q.SettleDoubt: 9,
		fmt.Sprintf(db.q.RecentMessages, people):                  6,
		fmt.Sprintf(db.q.PendingElsewhere, people):                5,
		fmt.Sprintf(db.q.Messaged, people, db.engine.oneOf("$3")): 5,
		fmt.Sprintf(db.q.AddBlocks, db.engine.elements("$4")):     5,
	}
}

// Exec changes the store as somebody with its password could.
func (db *DB) Exec(t testing.TB, query string) {
	t.Helper()
	if _, err := db.write.ExecContext(t.Context(), query); err != nil {
		t.Fatal(err)
	}
}

// KeptToken is an app's access token as the store holds it.
func (db *DB) KeptToken(t testing.TB, appid wxcast.AppID) (kept string) {
	t.Helper()
	query := "SELECT access_token FROM tokens WHERE appid = $1"
	if err := db.read.GetContext(t.Context(), &kept, query, appid); err != nil {
		t.Fatal(err)
	}
	return kept
}

// PlansLast sets how long Postgres's plans are taken for good ones, until the test ends.
func PlansLast(t testing.TB, d time.Duration) {
	was := preparingPostgres.lives
	preparingPostgres.lives = d
	t.Cleanup(func() { preparingPostgres.lives = was })
}
