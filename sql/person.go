package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// Person returns everything that is kept of the person who has this openid, unionid or
// mini_openid. minis are the account's mini programs.
func (db *DB) Person(ctx context.Context, accountID int64, minis []int64, id string) (wxcast.Person, error) {
	var p wxcast.Person
	err := db.retryTransient(ctx, func(ctx context.Context) (err error) {
		p, err = db.person(ctx, db.read, accountID, minis, id)
		return err
	})
	if err != nil {
		return p, fmt.Errorf("look up a person: %w", err)
	}
	return p, nil
}

func (db *DB) person(ctx context.Context, q sqlx.QueryerContext, accountID int64, minis []int64,
	id string) (p wxcast.Person, err error) {
	unionids := map[wxcast.UnionID]bool{wxcast.UnionID(id): true}
	asked := []string{id}
	for _, mini := range minis { // by a mini_openid, too
		var unionid []wxcast.UnionID
		if err := sqlx.SelectContext(ctx, q, &unionid, db.q.UnionIDOfMiniUser, mini, id); err != nil {
			return p, err
		}
		for _, u := range unionid {
			unionids[u] = true
			asked = append(asked, string(u))
		}
	}
	var rows []followerRecordRow
	for _, id := range asked {
		var some []followerRecordRow
		if err := sqlx.SelectContext(ctx, q, &some, db.q.FindFollowers, accountID, id); err != nil {
			return p, err
		}
		rows = append(rows, some...)
	}
	if p.Followers, err = followerRecords(rows); err != nil {
		return p, err
	}
	for _, f := range p.Followers {
		if f.UnionID != "" {
			unionids[f.UnionID] = true
		}
	}
	for _, mini := range minis {
		for unionid := range unionids {
			users, err := db.personMiniUsers(ctx, q, accountID, mini, unionid)
			if err != nil {
				return p, err
			}
			p.MiniUsers = append(p.MiniUsers, users...)
		}
	}
	for _, id := range p.IDs(id) {
		deliveries, err := db.personDeliveries(ctx, q, accountID, wxcast.OpenID(id))
		if err != nil {
			return p, err
		}
		p.Deliveries = append(p.Deliveries, deliveries...)
	}
	return p, db.personNotes(ctx, q, accountID, id, &p)
}

// personNotes adds what else is kept of a person, under whichever of their ids.
func (db *DB) personNotes(ctx context.Context, q sqlx.QueryerContext, accountID int64, id string,
	p *wxcast.Person) error {
	for _, id := range p.IDs(id) {
		var optouts []struct {
			ID     string
			Since  time.Time
			Source string
		}
		if err := sqlx.SelectContext(ctx, q, &optouts, db.q.FindOptOutsOf, accountID, id); err != nil {
			return err
		}
		for _, o := range optouts {
			p.OptOuts = append(p.OptOuts, wxcast.OptOut{ID: o.ID, Since: o.Since.UTC(), Source: o.Source})
		}
		var listed []struct {
			ListID int64 `db:"list_id"`
			Vars   string
		}
		if err := sqlx.SelectContext(ctx, q, &listed, db.q.FindListRows, accountID, id); err != nil {
			return err
		}
		for _, l := range listed {
			p.Listed = append(p.Listed, wxcast.PersonListed{List: l.ListID, ID: id,
				Vars: variables(sql.NullString{String: l.Vars, Valid: true})})
		}
		var events []struct {
			Kind      string
			CreatedAt time.Time `db:"created_at"`
			Key       string    `db:"event_key"`
			Content   string
		}
		if err := sqlx.SelectContext(ctx, q, &events, db.q.FindCallbacks, accountID, id); err != nil {
			return err
		}
		for _, e := range events {
			p.Events = append(p.Events, wxcast.CallbackEvent{OpenID: wxcast.OpenID(id), Kind: e.Kind,
				CreatedAt: e.CreatedAt.UTC(), Key: e.Key, Content: e.Content})
		}
		var permits []permitRow
		if err := sqlx.SelectContext(ctx, q, &permits, db.q.FindPermitsOf, accountID, id); err != nil {
			return err
		}
		for _, r := range permits {
			p.Permits = append(p.Permits, r.permit())
		}
		var testers []testerRow
		if err := sqlx.SelectContext(ctx, q, &testers, db.q.FindTester, accountID, id); err != nil {
			return err
		}
		for _, r := range testers {
			p.Testers = append(p.Testers, r.tester())
		}
		windows, err := db.windowsOf(ctx, q, accountID, wxcast.OpenID(id))
		if err != nil {
			return err
		}
		p.Windows = append(p.Windows, windows...)
		var blocks []struct {
			Channel    string
			TemplateID string `db:"template_id"`
			Since      time.Time
		}
		if err := sqlx.SelectContext(ctx, q, &blocks, db.q.FindBlocksOf, accountID, id); err != nil {
			return err
		}
		for _, b := range blocks {
			p.Refused = append(p.Refused, wxcast.PersonRefused{Channel: b.Channel, TemplateID: b.TemplateID,
				Since: b.Since.UTC()})
		}
	}
	return nil
}

func (db *DB) personMiniUsers(ctx context.Context, q sqlx.QueryerContext, accountID, miniID int64,
	unionid wxcast.UnionID) ([]wxcast.PersonMiniUser, error) {
	var rows []struct {
		AppID      wxcast.AppID      `db:"appid"`
		MiniOpenID wxcast.MiniOpenID `db:"mini_openid"`
		UnionID    wxcast.UnionID    `db:"unionid"`
		CreatedAt  time.Time         `db:"created_at"`
		UpdatedAt  time.Time         `db:"updated_at"`
		Bridged    bool
	}
	if err := sqlx.SelectContext(ctx, q, &rows, db.q.FindMiniUsers, accountID, miniID, unionid); err != nil {
		return nil, err
	}
	users := make([]wxcast.PersonMiniUser, len(rows))
	for i, r := range rows {
		users[i] = wxcast.PersonMiniUser{
			MiniAppID: r.AppID, MiniUser: wxcast.MiniUser{MiniOpenID: r.MiniOpenID, UnionID: r.UnionID},
			Bridged: r.Bridged, CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
		}
	}
	return users, nil
}

type personDeliveryRow struct {
	BroadcastID   int64  `db:"broadcast_id"`
	Broadcast     string `db:"name"`
	Recipient     wxcast.Recipient
	Message       int64
	MiniOpenID    sql.NullString `db:"mini_openid"`
	Channel       string
	FellThrough   string `db:"fell_through"`
	State         wxcast.DeliveryState
	Attempts      int
	ErrCode       int
	ErrMsg        string
	MsgID         sql.NullInt64 `db:"msgid"`
	AttemptedAt   sql.NullTime  `db:"attempted_at"`
	NextAttemptAt sql.NullTime  `db:"next_attempt_at"`
	Told          string        // the receipt
	CameAt        sql.NullTime  `db:"came_at"`
	Goals         int64
}

func (r personDeliveryRow) delivery() wxcast.PersonDelivery {
	return wxcast.PersonDelivery{
		BroadcastID: r.BroadcastID, Broadcast: r.Broadcast, Recipient: r.Recipient, Message: r.Message,
		Channel: r.Channel, State: r.State,
		MiniOpenID: wxcast.MiniOpenID(r.MiniOpenID.String), FellThrough: r.FellThrough,
		Attempts: r.Attempts,
		ErrCode:  r.ErrCode, ErrMsg: r.ErrMsg, MsgID: r.MsgID.Int64, AttemptedAt: utc(r.AttemptedAt),
		NextAttemptAt: utc(r.NextAttemptAt), Receipt: r.Told, CameAt: utc(r.CameAt), Goals: r.Goals,
	}
}

func (db *DB) personDeliveries(ctx context.Context, q sqlx.QueryerContext, accountID int64,
	openid wxcast.OpenID) ([]wxcast.PersonDelivery, error) {
	var rows []personDeliveryRow
	if err := sqlx.SelectContext(ctx, q, &rows, db.q.FindDeliveries, accountID, openid); err != nil {
		return nil, err
	}
	deliveries := make([]wxcast.PersonDelivery, len(rows))
	for i, r := range rows {
		deliveries[i] = r.delivery()
	}
	return deliveries, nil
}

// Deliveries pages through a broadcast's deliveries in the order of their keys behind after.
func (db *DB) Deliveries(ctx context.Context, b wxcast.Broadcast, after wxcast.DeliveryKey,
	limit int) ([]wxcast.PersonDelivery, error) {
	var rows []personDeliveryRow
	if err := db.list(ctx, &rows, db.q.ListDeliveries, b.AccountID, b.ID, after.Recipient, after.Message,
		limit); err != nil {
		return nil, fmt.Errorf("list deliveries: %w", err)
	}
	deliveries := make([]wxcast.PersonDelivery, len(rows))
	for i, r := range rows {
		r.Broadcast = b.Name
		deliveries[i] = r.delivery()
	}
	return deliveries, nil
}

// FindByRemark finds followers whose remark begins with a text, in its order.
func (db *DB) FindByRemark(ctx context.Context, accountID int64, text string, limit int) ([]wxcast.Remarked, error) {
	var all []wxcast.Remarked
	if err := db.list(ctx, &all, db.q.FindByRemark, accountID, text, text+"\U0010FFFF", limit); err != nil {
		return nil, fmt.Errorf("look for a remark: %w", err)
	}
	return all, nil
}

// picked is how many deliveries are looked at for one page of those that somebody asks for: with
// nothing of them in memory that takes Postgres a tenth of a second.
const picked = 8_000

// PickDeliveries pages through those of a broadcast's deliveries that have a state, "" for any,
// and an errcode, nil for any. It looks at so many at most, and says behind which to look next;
// nil where there are no more.
func (db *DB) PickDeliveries(ctx context.Context, b wxcast.Broadcast, after wxcast.DeliveryKey,
	state wxcast.DeliveryState, code *int, limit int) (all []wxcast.PersonDelivery, next *wxcast.DeliveryKey,
	err error) {
	var errcode sql.NullInt64
	if code != nil {
		errcode = sql.NullInt64{Int64: int64(*code), Valid: true}
	}
	var rows []personDeliveryRow
	if err := db.list(ctx, &rows, db.q.PickDeliveries, b.AccountID, b.ID, after.Recipient, after.Message, state,
		errcode,
		picked, limit); err != nil {
		return nil, nil, fmt.Errorf("list deliveries: %w", err)
	}
	for _, r := range rows {
		r.Broadcast = b.Name
		all = append(all, r.delivery())
	}
	if len(all) == limit {
		last := all[limit-1].Key()
		return all, &last, nil
	}
	var last wxcast.DeliveryKey
	switch err := db.get(ctx, &last, db.q.SkipDeliveries, b.AccountID, b.ID, after.Recipient, after.Message,
		picked-1); {
	case errors.Is(err, ErrNotFound):
		return all, nil, nil
	case err != nil:
		return nil, nil, fmt.Errorf("look for more deliveries: %w", err)
	}
	return all, &last, nil
}

// PendingDeliveryError: the person is still to get a message.
type PendingDeliveryError struct {
	BroadcastID int64
	Broadcast   string
}

func (e *PendingDeliveryError) Error() string {
	return fmt.Sprintf("broadcast %d (%s) still has a message for this person; let it end or cancel it, then forget them", e.BroadcastID, e.Broadcast)
}

// Forget deletes the person who has this openid, unionid or mini_openid from every table, in
// one transaction. Their deliveries stay, for the counts, under a random name; single messages
// that have not left are cancelled. It is ErrNotFound when nothing is kept of them, and a
// *PendingDeliveryError while a broadcast is still to send to them, or may be doing so. What they
// are in a mini program that is another account's stays that account's.
func (db *DB) Forget(ctx context.Context, accountID int64, minis []int64, id string) (f wxcast.Forgotten, err error) {
	err = db.tx(ctx, accountID, func(tx *sqlx.Tx) error {
		f = wxcast.Forgotten{}
		person, err := db.person(ctx, tx, accountID, minis, id)
		if err != nil {
			return err
		}
		if person.Nobody() {
			return ErrNotFound
		}
		for _, d := range person.Deliveries {
			if d.State != wxcast.DeliveryPending {
				continue
			}
			if d.Message > 0 { // a reminder for next month holds nobody here
				switch n, err := db.revoke(ctx, tx, accountID, d.Message); {
				case err != nil:
					return err
				case n > 0:
					continue
				}
			}
			return &PendingDeliveryError{d.BroadcastID, d.Broadcast}
		}
		var own, others []int64
		for _, mini := range minis {
			var anothers bool
			if err := tx.GetContext(ctx, &anothers, db.q.IsAnothers, mini, accountID); err != nil {
				return err
			}
			if anothers {
				others = append(others, mini)
			} else {
				own = append(own, mini)
			}
		}
		there, err := db.person(ctx, tx, accountID, others, id)
		if err != nil {
			return err
		}
		f.Kept = int64(len(there.MiniUsers))
		remove := func(rows *int64, query string, args ...any) {
			if err != nil {
				return
			}
			var res sql.Result
			if res, err = tx.ExecContext(ctx, query, args...); err != nil {
				return
			}
			var n int64
			n, err = res.RowsAffected()
			*rows += n
		}
		var ignored int64
		name := "forgotten-" + strings.ToLower(rand.Text())
		for i, id := range person.IDs(id) {
			name := fmt.Sprintf("%s-%d", name, i) // they may be in a broadcast by two of them
			remove(&f.Bridges, db.q.ForgetBridges, accountID, id)
			remove(&f.Deliveries, db.q.ForgetDeliveries, accountID, id, name)
			remove(&f.Followers, db.q.ForgetFollower, accountID, id)
			remove(&ignored, db.q.ForgetMessages, accountID, id, name)
			remove(&ignored, db.q.ForgetVisits, accountID, id, name)
			remove(&ignored, db.q.ForgetGoals, accountID, id, name)
			remove(&ignored, db.q.ForgetInEvents, accountID, jsonParam(id), jsonParam(name))
			for _, query := range []string{db.q.ForgetLeasedTo, db.q.ForgetFixedTo, db.q.ForgetCallbacks,
				db.q.ForgetRelays, db.q.ForgetBlocks, db.q.ForgetListRows, db.q.ForgetEarly, db.q.ForgetPermits,
				db.q.ForgetWindows, db.q.ForgetTester} {
				remove(&ignored, query, accountID, id)
			}
			remove(&ignored, db.q.ForgetListed, accountID, " "+id+" ")
			remove(&ignored, db.q.ForgetOptOut, accountID, id, forgottenAs(id))
			remove(&ignored, db.q.DropOptOut, accountID, id) // where the hash was there already
			for _, mini := range own {
				remove(&f.Bridges, db.q.ForgetMiniBridges, mini, id)
				remove(&f.MiniUsers, db.q.ForgetMiniUsers, mini, id)
			}
		}
		for _, mini := range own {
			remove(&ignored, db.q.BumpPeople, mini)
		}
		remove(&ignored, db.q.BumpPeople, accountID)
		if err != nil {
			return err
		}
		return db.forgetInDrafts(ctx, tx, accountID, person.IDs(id))
	})
	if err != nil {
		return f, fmt.Errorf("forget a person: %w", err)
	}
	return f, db.scrub(ctx)
}

// How long nobody may write while the log is emptied, how long others have then, and how often that is
// tried where somebody reads all the time, as a backup does.
const (
	scrubWithin = 100 * time.Millisecond
	scrubRest   = 400 * time.Millisecond
	scrubTries  = 10
)

// scrub takes what was deleted out of the files, too: SQLite's own, of which deleted rows are
// overwritten, and the log beside it. What somebody who reads keeps in the log, the night's housekeeping
// takes out.
func (db *DB) scrub(ctx context.Context) error {
	for n := range scrubTries {
		if clean, err := db.emptyLog(ctx); err != nil || clean {
			return err
		}
		if n < scrubTries-1 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(scrubRest):
			}
		}
	}
	return nil
}

// emptyLog writes SQLite's log into its file, and empties it; false where somebody reads what is in it.
func (db *DB) emptyLog(ctx context.Context) (clean bool, err error) {
	if db.engine != SQLite {
		return true, nil
	}
	if err := db.turn(ctx); err != nil {
		return false, err
	}
	defer db.turnOver()
	conn, err := db.write.Conn(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	var patience int
	if err := conn.QueryRowContext(ctx, "PRAGMA busy_timeout").Scan(&patience); err != nil {
		return false, err
	}
	set := func(ctx context.Context, ms int) error {
		_, err := conn.ExecContext(ctx, fmt.Sprintf("PRAGMA busy_timeout = %d", ms))
		return err
	}
	if err := set(ctx, min(patience, int(scrubWithin.Milliseconds()))); err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, set(context.WithoutCancel(ctx), patience)) }()
	var busy, inLog, written int
	err = conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &inLog, &written)
	return busy == 0, err
}
