package store

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// auditPage is how many entries are read at a time.
const auditPage = 1000

type auditRow struct {
	Seq     int64
	At      time.Time
	Actor   string
	Origin  string
	Action  string
	Target  string
	Subject string
	Outcome string
	Ends    int64
	KeyID   string `db:"key_id"`
	Prev    string
	Hash    string
}

func (r auditRow) entry() wxcast.AuditEntry {
	return wxcast.AuditEntry{ID: r.Seq, At: r.At.UTC(), Actor: r.Actor, Origin: r.Origin, Action: r.Action,
		Target: r.Target, Subject: r.Subject, Outcome: r.Outcome, Ends: r.Ends, Hash: r.Hash}
}

// AddAudit puts an entry at the end of the account's log, and returns it as it is kept.
func (db *DB) AddAudit(ctx context.Context, accountID int64, e wxcast.AuditEntry) (wxcast.AuditEntry, error) {
	err := db.tx(ctx, accountID, func(tx *sqlx.Tx) error {
		var locked int64
		if err := tx.GetContext(ctx, &locked, db.q.LockAccount, accountID); err != nil {
			return err
		}
		var last struct {
			Seq  int64
			Hash string
		}
		if err := tx.GetContext(ctx, &last, db.q.LastAudit, accountID); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		// As finely as both engines keep it: the hash is over it.
		e.ID, e.At = last.Seq+1, db.Now().UTC().Truncate(time.Microsecond)
		key := db.keys.ID()
		e.Hash, _ = db.keys.MAC(key, e.Chained(accountID, last.Hash)) // its own key is there
		_, err := tx.ExecContext(ctx, db.q.AddAudit, accountID, e.ID, e.At, e.Actor, e.Origin, e.Action, e.Target,
			e.Subject, e.Outcome, e.Ends, key, last.Hash, e.Hash)
		return err
	})
	if err != nil {
		return e, fmt.Errorf("write the audit log: %w", err)
	}
	return e, nil
}

// Audit reads an account's log, the latest first, from before an entry; 0 is the end. Each
// entry is one change with how it ended. of is a person's hash, or "" for all.
func (db *DB) Audit(ctx context.Context, accountID, before int64, limit int, of string) ([]wxcast.AuditEntry, error) {
	if before == 0 {
		before = math.MaxInt64
	}
	return db.auditEntries(ctx, db.q.ListAudit, accountID, before, limit, of)
}

// auditRecent is how many of the latest entries are looked through for those about one thing.
const auditRecent = 5000

// AuditOf reads those of the latest entries that are about one thing, such as "broadcast 3", the
// latest first.
func (db *DB) AuditOf(ctx context.Context, accountID int64, target string, limit int) ([]wxcast.AuditEntry, error) {
	return db.auditEntries(ctx, db.q.AuditOfTarget, accountID, target, target+" ", auditRecent, limit)
}

func (db *DB) auditEntries(ctx context.Context, query string, args ...any) ([]wxcast.AuditEntry, error) {
	var rows []auditRow
	if err := db.list(ctx, &rows, query, args...); err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	all := make([]wxcast.AuditEntry, len(rows))
	for i, r := range rows {
		all[i] = r.entry()
	}
	return all, nil
}

// AuditSubject names a person in the account's audit log: a hash of the id that leads back to
// it only for who has the id and the store.
func (db *DB) AuditSubject(ctx context.Context, accountID int64, id string) (string, error) {
	salt, err := db.auditSalt(ctx, accountID)
	if err != nil {
		return "", fmt.Errorf("name a person for the audit log: %w", err)
	}
	mac := hmac.New(sha256.New, []byte(salt))
	_, _ = mac.Write([]byte(id))
	return hex.EncodeToString(mac.Sum(nil)[:16]), nil
}

func (db *DB) auditSalt(ctx context.Context, accountID int64) (salt string, err error) {
	about := fmt.Sprint("audit salt ", accountID)
	if err := db.get(ctx, &salt, db.q.AuditSalt, accountID); err != nil {
		return "", err
	}
	if salt == "" {
		if _, err := db.exec(ctx, db.q.SetAuditSalt, accountID, db.keys.Seal(rand.Text(), about)); err != nil {
			return "", err
		}
		if err := db.get(ctx, &salt, db.q.AuditSalt, accountID); err != nil {
			return "", err
		}
	}
	return db.keys.Open(salt, about)
}

// CheckAudit walks through the account's log and looks whether it is as it was written: no
// entry changed, none gone from its middle, none from its beginning but by the retention.
// head, an id and a hash as AuditCheck has it, or "", is looked for, too.
func (db *DB) CheckAudit(ctx context.Context, accountID int64, head string) (wxcast.AuditCheck, error) {
	check := wxcast.AuditCheck{}
	broken := func(at int64, code string) { // the first is told
		if check.Broken == nil {
			sentence := wxcast.Say(code, "id", at)
			check.Broken, check.At = &sentence, at
		}
	}
	headID, headHash, _ := strings.Cut(head, ":")
	seen, trimmed, prev := head == "", int64(0), ""
	for {
		var rows []auditRow
		if err := db.list(ctx, &rows, db.q.WalkAudit, accountID, check.Last, auditPage); err != nil {
			return check, fmt.Errorf("read the audit log: %w", err)
		}
		for _, r := range rows {
			e := r.entry()
			sum, known := db.keys.MAC(r.KeyID, e.Chained(accountID, r.Prev))
			switch keyed := r.KeyID != ""; {
			case !keyed && check.KeyedFrom > 0:
				broken(e.ID, "audit.unkeyed")
			case keyed && check.KeyedFrom == 0:
				check.KeyedFrom = e.ID
			}
			switch {
			case !known:
				broken(e.ID, "audit.no_key")
			case sum != e.Hash:
				broken(e.ID, "audit.changed")
			}
			if check.Entries == 0 {
				check.First = e.ID
			} else if e.ID != check.Last+1 || r.Prev != prev {
				broken(e.ID, "audit.gap")
			}
			if e.Action == wxcast.AuditTrimmed && e.Outcome == "done" {
				trimmed, _ = strconv.ParseInt(e.Target, 10, 64)
			}
			if strconv.FormatInt(e.ID, 10) == headID {
				seen = e.Hash == headHash
			}
			check.Entries, check.Last, prev = check.Entries+1, e.ID, e.Hash
		}
		if len(rows) < auditPage {
			break
		}
	}
	if check.Entries > 0 {
		check.Head = fmt.Sprintf("%d:%s", check.Last, prev)
	}
	if check.First > 1 && check.First > trimmed+1 {
		broken(check.First, "audit.cut")
	}
	if !seen {
		at, _ := strconv.ParseInt(headID, 10, 64)
		if at >= check.First { // an older one went with the retention
			broken(at, "audit.no_head")
		}
	}
	return check, nil
}
