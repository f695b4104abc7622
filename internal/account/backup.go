package account

import (
	"context"
	"path/filepath"
	"time"
)

// Backup is a copy of the store.
type Backup struct {
	File    string  `json:"file"`
	Bytes   int64   `json:"bytes"`
	Seconds float64 `json:"seconds"`
}

// Backup copies a SQLite store to a file that is not there yet, while it is in use. Audited in all
// accounts: the data of each is in the copy.
func (h *House) Backup(ctx context.Context, file string) (Backup, error) {
	return auditedIn(ctx, h.Accounts, "backup", filepath.Base(file), func() (Backup, error) {
		begun := time.Now()
		bytes, err := h.db.Backup(ctx, file)
		return Backup{File: file, Bytes: bytes, Seconds: time.Since(begun).Seconds()}, err
	})
}
