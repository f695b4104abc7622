package store

import (
	"context"
	"fmt"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// EnsureApp returns the store's number of an app, registering it if it is new.
// One appid cannot be both an official account and a mini program.
func (db *DB) EnsureApp(ctx context.Context, appid wxcast.AppID, kind wxcast.AppKind) (id int64, err error) {
	if _, err := db.exec(ctx, db.q.AddApp, appid, kind, db.Now()); err != nil {
		return 0, fmt.Errorf("register app %s: %w", appid, err)
	}
	var row struct {
		ID   int64
		Kind wxcast.AppKind
	}
	if err := db.get(ctx, &row, db.q.GetApp, appid); err != nil {
		return 0, fmt.Errorf("look up app %s: %w", appid, err)
	}
	if row.Kind != kind {
		return 0, &wxcast.BadInput{
			Key: "appid",
			Problem: wxcast.Say("app.other_kind", "appid", appid, "known", wxcast.Say("app.kind_"+string(row.Kind)),
				"configured", wxcast.Say("app.kind_"+string(kind))),
			Want: wxcast.Say("app.want_own_appid"),
		}
	}
	return row.ID, nil
}

// AppID is the appid of an app by its number in the store, or ErrNotFound. It never changes.
func (db *DB) AppID(ctx context.Context, id int64) (appid wxcast.AppID, err error) {
	if known, ok := db.appids.Load(id); ok {
		return known.(wxcast.AppID), nil
	}
	if err := db.get(ctx, &appid, db.q.GetAppID, id); err != nil {
		return "", fmt.Errorf("look up app %d: %w", id, err)
	}
	db.appids.Store(id, appid)
	return appid, nil
}

// OwnMiniProgram makes a mini program an account's, where it is nobody's yet or takeOver says
// so, and returns the appid of the account whose it is: of several accounts that share a mini
// program one alone changes who its users are.
func (db *DB) OwnMiniProgram(ctx context.Context, accountID, miniID int64, takeOver bool) (owner wxcast.AppID,
	ours bool, err error) {
	query := db.q.OwnApp
	if takeOver {
		query = db.q.TakeOverApp
	}
	if _, err := db.exec(ctx, query, miniID, accountID); err != nil {
		return "", false, fmt.Errorf("own a mini program: %w", err)
	}
	var row struct {
		ID    int64
		AppID wxcast.AppID `db:"appid"`
	}
	if err := db.get(ctx, &row, db.q.GetOwner, miniID); err != nil {
		return "", false, fmt.Errorf("look up a mini program's account: %w", err)
	}
	return row.AppID, row.ID == accountID, nil
}
