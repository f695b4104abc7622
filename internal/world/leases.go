package world

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// overlapping finds two leases that cover the same people.
const overlapping = `SELECT a.broadcast_id, a.worker, b.worker,
    CASE WHEN a.from_recipient > b.from_recipient THEN a.from_recipient ELSE b.from_recipient END,
    CASE WHEN a.to_recipient < b.to_recipient THEN a.to_recipient ELSE b.to_recipient END
FROM leases a JOIN leases b ON b.account_id = a.account_id AND b.broadcast_id = a.broadcast_id AND b.id > a.id
WHERE a.from_recipient < b.to_recipient AND b.from_recipient < a.to_recipient LIMIT 1`

// watchLeases looks whether what a process has is its own, until it is ended. WeChat takes many a
// second try for the same message, so people need not see it when this is broken.
func (w *world) watchLeases(ctx context.Context) (end func() error) {
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- w.lookAtLeases(ctx) }()
	return func() error {
		stop()
		return <-ended
	}
}

func (w *world) lookAtLeases(ctx context.Context) error {
	driver, name := "postgres", w.config.DatabaseURL
	if path, ok := strings.CutPrefix(name, "sqlite://"); ok {
		driver, name = "sqlite", "file:"+path+"?mode=ro"
	}
	db, err := sql.Open(driver, name)
	if err != nil {
		return err
	}
	defer db.Close()
	for ; ctx.Err() == nil; wait(ctx, 100*time.Millisecond) {
		var broadcast int64
		var one, other, from, to string
		switch err := db.QueryRowContext(ctx, overlapping).Scan(&broadcast, &one, &other, &from, &to); {
		case err == nil:
			w.broke("what a living process has is its own", "%s and %s: broadcast %d, those after %s up to %s",
				one, other, broadcast, from, to)
			return nil
		case errors.Is(err, sql.ErrNoRows), ctx.Err() != nil, strings.Contains(err.Error(), "SQLITE_BUSY"):
		default:
			return fmt.Errorf("look at the leases: %w", err)
		}
	}
	return nil
}
