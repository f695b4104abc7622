package account

import (
	"context"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/wxcast/wxcast/config"
)

// Moved is a store that another one became.
type Moved struct {
	From    string  `json:"from"`
	Tables  int     `json:"tables"`
	Rows    int64   `json:"rows"`
	Seconds float64 `json:"seconds"`
	// Already tells that it was moved before: nothing was done.
	Already bool `json:"already"`
}

// MoveStore makes the configured Postgres store the one that a SQLite store was: see the store's
// MoveFrom. tell is told of each table, and how many of its rows were brought. Audited, in the new
// store, in all accounts' logs.
func MoveStore(ctx context.Context, cfg *config.Config, from string, log *slog.Logger,
	tell func(table string, rows int64)) (m Moved, err error) {
	if len(cfg.Accounts) == 0 {
		_, err := cfg.Account("") // which tells what is missing
		return m, err
	}
	begun := time.Now()
	db, err := OpenUnchecked(ctx, cfg)
	if err != nil {
		return m, err
	}
	if _, _, err = db.Migrate(ctx); err != nil {
		_ = db.Close()
		return m, err
	}
	moved, err := db.MoveFrom(ctx, from, tell)
	if err != nil || moved.Already {
		_ = db.Close()
		return Moved{From: from, Already: moved.Already}, err
	}
	h, err := houseOn(ctx, db, cfg, log)
	if err != nil {
		return m, err
	}
	defer h.Close()
	return auditedIn(ctx, h.Accounts, "move-store", filepath.Base(from), func() (Moved, error) {
		err := db.EndMove(ctx)
		return Moved{From: from, Tables: moved.Tables, Rows: moved.Rows, Seconds: time.Since(begun).Seconds()}, err
	})
}
