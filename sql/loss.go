package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// A store may lose transactions that it had confirmed: an asynchronous standby takes over
// that was behind, or a backup is put in the place of the file. What was sent in that time
// would be sent again. So a process remembers transactions of its own, and each new one looks
// for the latest of them.

const (
	// remembered is how long back a loss can be told: transactions themselves are kept for
	// commitsKept.
	remembered = 10 * time.Minute
	// markEvery is how far apart the remembered ones are.
	markEvery = 100 * time.Millisecond
)

// memory is what a process remembers of an account's transactions.
type memory struct {
	mu    sync.Mutex
	marks []mark // the oldest first; each stands for those since the one before
	lost  bool   // the latest was not found in the store: it stays so until somebody is told
}

// mark is a transaction that the store confirmed.
type mark struct {
	id       string
	at       time.Time // by this machine's clock
	messages int64     // that were recorded as sent since the mark before
}

func (db *DB) memoryOf(accountID int64) *memory {
	m, _ := db.memories.LoadOrStore(accountID, &memory{})
	return m.(*memory)
}

// latest is the last transaction that must be in the store, "" where none is remembered.
func (m *memory) latest() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := len(m.marks); n > 0 && !m.lost && time.Since(m.marks[n-1].at) < remembered {
		return m.marks[n-1].id
	}
	return ""
}

// confirmed remembers a transaction that the store has confirmed.
func (m *memory) confirmed(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.lost { // what is remembered of before is needed to tell how much
		return
	}
	now := time.Now()
	n := len(m.marks)
	if n > 1 && now.Sub(m.marks[n-2].at) < markEvery {
		m.marks[n-1].id, m.marks[n-1].at = id, now
		return
	}
	m.marks = append(m.marks, mark{id: id, at: now})
	if now.Sub(m.marks[0].at) > remembered {
		m.marks = append(m.marks[:0], m.marks[1:]...)
	}
}

// sent remembers that so many messages were recorded with the last transaction.
func (m *memory) sent(messages int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := len(m.marks); n > 0 && !m.lost {
		m.marks[n-1].messages += messages
	}
}

func (m *memory) missed() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lost = true
}

func (m *memory) hasLost() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lost
}

// since is what was remembered after the last transaction that was found, nil where nothing
// is lost.
func (m *memory) since(found map[string]bool) *wxcast.Loss {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.lost || len(m.marks) == 0 {
		return nil
	}
	loss := &wxcast.Loss{}
	last, from := m.marks[len(m.marks)-1], m.marks[0].at
	for i := len(m.marks) - 1; i >= 0 && !found[m.marks[i].id]; i-- {
		loss.Messages += m.marks[i].messages
		if i > 0 {
			from = m.marks[i-1].at
		}
	}
	loss.Span = last.at.Sub(from)
	return loss
}

func (m *memory) ids() (ids []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range m.marks {
		ids = append(ids, k.id)
	}
	return ids
}

func (m *memory) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.marks, m.lost = nil, false
}

// loss tells what a store has lost that is behind what this process knows of it; nil where
// it is not.
func (db *DB) loss(ctx context.Context, tx *sqlx.Tx, accountID int64) (*wxcast.Loss, error) {
	m := db.memoryOf(accountID)
	if !m.hasLost() {
		return nil, nil
	}
	var there []string
	if err := tx.SelectContext(ctx, &there, fmt.Sprintf(db.q.FindCommits, db.engine.elements("$2")), accountID,
		jsonParam(m.ids())); err != nil {
		return nil, err
	}
	found := make(map[string]bool, len(there))
	for _, id := range there {
		found[id] = true
	}
	return m.since(found), nil
}

// Loss tells what the store has lost, as far as this process knows, until PauseAfterLoss; nil
// where it has lost nothing.
func (db *DB) Loss(ctx context.Context, accountID int64) (loss *wxcast.Loss, err error) {
	if !db.memoryOf(accountID).hasLost() {
		return nil, nil
	}
	err = db.tx(within(ctx, hurried), accountID, func(tx *sqlx.Tx) error {
		loss, err = db.loss(ctx, tx, accountID)
		return err
	})
	return loss, err
}

// PauseAfterLoss pauses all of an account's broadcasts that are at work, or would go on by
// themselves, since the store has lost what was recorded of them. Losses that several
// processes tell of the same are added up.
func (db *DB) PauseAfterLoss(ctx context.Context, accountID int64, loss wxcast.Loss) error {
	ctx = within(ctx, hurried)
	err := db.tx(ctx, accountID, func(tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, db.q.LockAccount, accountID); err != nil {
			return err
		}
		all := loss
		var reason wxcast.Sentence
		err := tx.GetContext(ctx, &reason, db.q.LossBefore, accountID, lossCode+"%")
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if reason.Code == lossCodeName {
			all = all.And(lossOf(reason))
		}
		reason = wxcast.Say(lossCodeName, "seconds", int64(all.Span.Seconds()+0.5), "messages", all.Messages)
		_, err = db.moved(ctx, tx, accountID, "", wxcast.BroadcastPaused, reason, db.q.PauseAfterLoss, accountID,
			reason,
			db.Now(), lossCode+"%")
		return err
	})
	if err != nil {
		return fmt.Errorf("pause the broadcasts: %w", err)
	}
	db.memoryOf(accountID).forget()
	return nil
}

const (
	lossCodeName = "pause.store_went_back"
	lossCode     = `{"code":"` + lossCodeName + `"`
)

// lossOf is the loss that a reason tells.
func lossOf(reason wxcast.Sentence) wxcast.Loss {
	number := func(name string) int64 {
		v, _ := reason.Arg(name)
		n, _ := v.(json.Number)
		i, _ := n.Int64()
		return i
	}
	return wxcast.Loss{Span: time.Duration(number("seconds")) * time.Second, Messages: number("messages")}
}
