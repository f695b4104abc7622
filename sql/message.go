package store

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// messageKeyKept is how long a caller's key names its message.
const messageKeyKept = 7 * 24 * time.Hour

// A key of ours stands where the caller gave none.
const callersKey, ownKey = "k:", "r:"

// callersKeyOf is a caller's key as it is kept; "" for none.
func callersKeyOf(key string) string {
	if key == "" {
		return ""
	}
	return callersKey + key
}

// keyOfCaller is a key as the caller gave it; "" for one of ours.
func keyOfCaller(kept string) string {
	key, is := strings.CutPrefix(kept, callersKey)
	if !is {
		return ""
	}
	return key
}

type messageRow struct {
	Key       string           `json:"key"`
	Broadcast int64            `json:"broadcast"`
	Recipient wxcast.Recipient `json:"recipient"`
	Hash      string           `json:"hash"`
	Preset    string           `json:"preset"`
	Version   int              `json:"version"`
	AskedBy   string           `json:"asked_by"`
	SendAt    *string          `json:"send_at"`
	ExpiresAt *string          `json:"expires_at"`
}

type messageDeliveryRow struct {
	Message    int64              `json:"message"`
	Broadcast  int64              `json:"broadcast"`
	Recipient  wxcast.Recipient   `json:"recipient"`
	MiniOpenID *wxcast.MiniOpenID `json:"mini_openid"`
	Channel    string             `json:"channel"`
	Vars       *string            `json:"vars"`
	SendAt     *string            `json:"send_at"`
	ExpiresAt  *string            `json:"expires_at"`
}

// AddMessages stores messages, all or none, and returns what became of each. One whose key is
// there already is not stored again. It is ErrTooLate where the day of one is over.
func (db *DB) AddMessages(ctx context.Context, accountID int64, all []wxcast.NewMessage) (added []wxcast.AddedMessage,
	err error) {
	ctx = within(ctx, hurried)
	keys := make([]string, len(all))
	for i, m := range all {
		keys[i] = cmp.Or(callersKeyOf(m.Key), ownKey+rand.Text())
	}
	err = db.tx(ctx, accountID, func(tx *sqlx.Tx) error {
		added = make([]wxcast.AddedMessage, len(all))
		now, err := db.nowIn(ctx, tx)
		if err != nil {
			return err
		}
		for _, m := range all {
			if now.After(m.TakesUntil.Add(takesLater / 2)) {
				return wxcast.ErrTooLate
			}
		}
		ids, err := db.insertMessages(ctx, tx, accountID, now, keys, all)
		if err != nil {
			return err
		}
		var known []string
		var deliveries []messageDeliveryRow
		first := map[string]bool{}
		for i, m := range all {
			id, isNew := ids[keys[i]]
			if !isNew || first[keys[i]] { // or twice in these
				known = append(known, keys[i])
				continue
			}
			first[keys[i]] = true
			added[i] = wxcast.AddedMessage{ID: id, ContentHash: m.ContentHash}
			deliveries = append(deliveries, messageDeliveryRow{id, m.BroadcastID, m.Recipient, jsonText(m.MiniOpenID),
				m.Channel, jsonVars(m.Vars), jsonTime(m.SendAt), jsonTime(m.ExpiresAt)})
		}
		if len(deliveries) > 0 {
			if _, err := tx.ExecContext(ctx, db.q.AddMessageDeliveries, accountID, jsonParam(deliveries)); err != nil {
				return err
			}
		}
		return db.lookUpKnown(ctx, tx, accountID, keys, known, added)
	})
	if err != nil {
		return nil, fmt.Errorf("store %d messages: %w", len(all), err)
	}
	return added, nil
}

// insertMessages inserts those whose key is not there yet, and returns their ids by key.
func (db *DB) insertMessages(ctx context.Context, tx *sqlx.Tx, accountID int64, now time.Time, keys []string,
	all []wxcast.NewMessage) (map[string]int64, error) {
	rows := make([]messageRow, 0, len(all))
	seen := make(map[string]bool, len(all))
	for i, m := range all {
		if !seen[keys[i]] {
			rows = append(rows, messageRow{keys[i], m.BroadcastID, m.Recipient, m.ContentHash, m.Preset, m.Version,
				m.AskedBy,
				jsonTime(m.SendAt), jsonTime(m.ExpiresAt)})
		}
		seen[keys[i]] = true
	}
	// In one order, lest two transactions wait for each other.
	slices.SortFunc(rows, func(a, b messageRow) int { return cmp.Compare(a.Key, b.Key) })
	var inserted []keyed
	if err := tx.SelectContext(ctx, &inserted, db.q.AddMessages, accountID, now, jsonParam(rows)); err != nil {
		return nil, err
	}
	ids := make(map[string]int64, len(inserted))
	for _, r := range inserted {
		ids[r.Key] = r.ID
	}
	return ids, nil
}

type keyed struct {
	ID          int64
	Key         string `db:"message_key"`
	ContentHash string `db:"content_hash"`
}

// lookUpKnown fills in the messages that were there already.
func (db *DB) lookUpKnown(ctx context.Context, tx *sqlx.Tx, accountID int64, keys, known []string,
	added []wxcast.AddedMessage) error {
	if len(known) == 0 {
		return nil
	}
	var rows []keyed
	if err := tx.SelectContext(ctx, &rows, fmt.Sprintf(db.q.KnownMessages, db.engine.elements("$2")), accountID,
		jsonParam(known)); err != nil {
		return err
	}
	for _, r := range rows {
		for i, key := range keys {
			if key == r.Key && added[i].ID == 0 {
				added[i] = wxcast.AddedMessage{ID: r.ID, Known: true, ContentHash: r.ContentHash}
			}
		}
	}
	return nil
}

// MessageByKey is what is kept under a caller's key; known is false where nothing is.
func (db *DB) MessageByKey(ctx context.Context, accountID int64, key string) (m wxcast.AddedMessage, known bool,
	err error) {
	var rows []keyed
	if err := db.list(ctx, &rows, fmt.Sprintf(db.q.KnownMessages, db.engine.elements("$2")), accountID,
		jsonParam([]string{callersKey + key})); err != nil {
		return m, false, fmt.Errorf("look up a message by its key: %w", err)
	}
	if len(rows) == 0 {
		return m, false, nil
	}
	return wxcast.AddedMessage{ID: rows[0].ID, Known: true, ContentHash: rows[0].ContentHash}, true, nil
}

// jsonVars are variables as their JSON, inside a JSON parameter; NULL for none.
func jsonVars(vars map[string]string) *string {
	if len(vars) == 0 {
		return nil
	}
	text, err := json.Marshal(vars)
	if err != nil {
		panic(err) // texts by texts can't fail
	}
	s := string(text)
	return &s
}

// Message returns a message and what became of it, or ErrNotFound.
func (db *DB) Message(ctx context.Context, accountID, id int64) (wxcast.Message, error) {
	var r struct {
		ID        int64
		AccountID int64 `db:"account_id"`
		Preset    string
		Version   int
		AskedBy   string         `db:"asked_by"`
		CreatedAt time.Time      `db:"created_at"`
		SendAt    time.Time      `db:"send_at"`
		ExpiresAt sql.NullTime   `db:"expires_at"`
		Receipt   sql.NullString `db:"receipt"`
		personDeliveryRow
	}
	if err := db.get(ctx, &r, db.q.GetMessage, accountID, id); err != nil {
		return wxcast.Message{}, fmt.Errorf("look up message %d: %w", id, err)
	}
	return wxcast.Message{ID: r.ID, AccountID: r.AccountID, BroadcastID: r.BroadcastID, Name: r.Broadcast,
		Preset:  r.Preset,
		Version: r.Version, AskedBy: r.AskedBy, CreatedAt: r.CreatedAt.UTC(), SendAt: r.SendAt.UTC(),
		ExpiresAt:      utc(r.ExpiresAt),
		PersonDelivery: r.delivery(), Receipt: r.Receipt.String}, nil
}

// RevokeMessage cancels a message that has not left, nor may be about to; done is false else.
func (db *DB) RevokeMessage(ctx context.Context, accountID, id int64) (done bool, err error) {
	var n int64
	err = db.tx(within(ctx, hurried), accountID, func(tx *sqlx.Tx) error {
		n, err = db.revoke(ctx, tx, accountID, id)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("cancel message %d: %w", id, err)
	}
	return n > 0, nil
}

// revoke cancels a message that has not left, nor may be about to, and returns how many it were.
func (db *DB) revoke(ctx context.Context, tx *sqlx.Tx, accountID, id int64) (int64, error) {
	return db.ended(ctx, tx, accountID, wxcast.DeliverySkipped, wxcast.ErrCodeRevoked, db.q.RevokeMessage, accountID,
		id, wxcast.ErrCodeRevoked, wxcast.Say("skip.revoked").Kept())
}

// ExpireMessages ends messages whose time is over before they could leave. Of those that a
// worker has in hand, or that hold a permit, the worker does. Where there are none it writes nothing.
func (db *DB) ExpireMessages(ctx context.Context, accountID int64) (expired int64, err error) {
	ctx = within(ctx, hurried)
	var some bool
	if err := db.get(ctx, &some, db.q.AnyExpired, accountID, db.Now()); err != nil || !some {
		return 0, err
	}
	for batch := newBatch(); ; {
		var n int64
		size := batch.size
		err := batch.run(func() (err error) {
			return db.tx(ctx, accountID, func(tx *sqlx.Tx) error {
				n, err = db.ended(ctx, tx, accountID, wxcast.DeliverySkipped, wxcast.ErrCodeExpired,
					db.q.ExpireMessages,
					accountID, db.Now(), size, wxcast.ErrCodeExpired, wxcast.Say("skip.expired").Kept())
				return err
			})
		})
		if expired += n; err != nil || n < int64(size) {
			return expired, err
		}
	}
}

// FindRecipients finds the people who have some ids, each an openid, a unionid or a mini_openid
// of one mini program, as their messages' deliveries are to have them. Who is unknown is not
// among them. Of several followers with one unionid it is one who follows still.
func (db *DB) FindRecipients(ctx context.Context, accountID, miniID int64,
	ids []string) (map[string]wxcast.Delivery, error) {
	found := make(map[string]wxcast.Delivery, len(ids))
	err := db.findRecipients(ctx, db.q.FindByOpenID, accountID, miniID, ids, found)
	// Most are openids: what is not is looked for in a second look.
	others := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { _, is := found[id]; return is })
	if err == nil && len(others) > 0 {
		err = db.findRecipients(ctx, db.q.FindRecipients, accountID, miniID, others, found)
	}
	if err != nil {
		return nil, fmt.Errorf("look up %d people: %w", len(ids), err)
	}
	return found, nil
}

func (db *DB) findRecipients(ctx context.Context, query string, accountID, miniID int64, ids []string,
	found map[string]wxcast.Delivery) error {
	var rows []struct {
		Asked         string
		OpenID        sql.NullString `db:"openid"`
		UnionID       sql.NullString `db:"unionid"`
		Subscribed    sql.NullBool
		SubscribeTime sql.NullTime   `db:"subscribe_time"`
		Remark        sql.NullString `db:"remark"`
		Tags          sql.NullString `db:"tags"`
		MiniOpenID    sql.NullString `db:"mini_openid"`
	}
	if err := db.list(within(ctx, hurried), &rows, query, accountID, miniID, jsonParam(ids)); err != nil {
		return err
	}
	for _, r := range rows {
		recipient := r.OpenID.String
		if recipient == "" {
			recipient = r.MiniOpenID.String
		}
		d := deliveryRow{Recipient: wxcast.Recipient(recipient), UnionID: r.UnionID, Subscribed: r.Subscribed.Bool,
			SubscribeTime: r.SubscribeTime, Remark: r.Remark, Tags: r.Tags, MiniOpenID: r.MiniOpenID}.delivery()
		if before, ok := found[r.Asked]; !ok || better(d, before) {
			found[r.Asked] = d
		}
	}
	return nil
}

// better tells whether a person is rather to be found by one of their rows than by another.
func better(d, than wxcast.Delivery) bool {
	rank := func(d wxcast.Delivery) (n int) {
		for _, is := range []bool{d.Subscribed, d.OpenID != "", d.MiniOpenID != ""} {
			if n *= 2; is {
				n++
			}
		}
		return n
	}
	return rank(d) > rank(than) || rank(d) == rank(than) && strings.Compare(string(d.Recipient),
		string(than.Recipient)) < 0
}

// removeMessages removes what is left of a broadcast's messages, whose deliveries are removed.
func (db *DB) removeMessages(ctx context.Context, accountID, broadcastID int64) error {
	_, err := db.removeRowsOf(ctx, db.q.DropMessages, accountID, broadcastID)
	return err
}

// KindsOfMessages counts the broadcasts that hold the single messages of a day.
func (db *DB) KindsOfMessages(ctx context.Context, accountID int64, takesUntil time.Time) (n int, err error) {
	if err := db.get(ctx, &n, db.q.CountMessagesOfDay, accountID, takesUntil.UTC()); err != nil {
		return 0, fmt.Errorf("count the kinds of messages: %w", err)
	}
	return n, nil
}

// MessageLag is how long the single message has been due that waits longest, of those that nothing
// but the sending holds up; 0 for none.
func (db *DB) MessageLag(ctx context.Context, accountID int64) (time.Duration, error) {
	var due sql.NullTime
	if err := db.get(ctx, &due, db.q.OldestDueMessage, accountID); err != nil || !due.Valid {
		return 0, err
	}
	return max(0, db.Now().Sub(utc(due))), nil
}
