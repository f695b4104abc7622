// Package bridge joins followers of an official account to users of its mini
// programs by unionid: it brings the mini users in, makes the bridges, and tells
// why the others have none.
package bridge

import (
	"context"
	"iter"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// Store keeps mini users and bridges.
type Store interface {
	ImportMiniUsers(ctx context.Context, miniID int64, users iter.Seq2[wxcast.MiniUser, error]) (inserted, updated int64, err error)
	Join(ctx context.Context, accountID, miniID int64) (wxcast.BridgeChanges, error)
	FollowerCounts(ctx context.Context, accountID int64) (wxcast.FollowerCounts, error)
	CountMiniUsers(ctx context.Context, miniID int64) (int64, error)
	CountBridges(ctx context.Context, accountID, miniID int64) (int64, error)
	UnionIDConflicts(ctx context.Context, accountID, miniID int64) (followers, miniUsers int64, err error)
}

// JoinSummary is what a join did, and how far the account's followers can be
// reached through one mini program.
type JoinSummary struct {
	Coverage
	New     int64   `json:"new"`
	Changed int64   `json:"changed"`
	Removed int64   `json:"removed"`
	Seconds float64 `json:"seconds"`
}

// Coverage is how many followers can be reached in one mini program, and why the
// others cannot.
type Coverage struct {
	Followers   int64 `json:"followers"`
	WithUnionID int64 `json:"with_unionid"`
	MiniUsers   int64 `json:"mini_users"`
	Joined      int64 `json:"joined"`
	// WithoutUnionID followers cannot be joined to anyone.
	WithoutUnionID int64 `json:"without_unionid"`
	// NotInMiniProgram followers have a unionid that no mini user has, or one that
	// is ambiguous.
	NotInMiniProgram int64 `json:"not_in_mini_program"`
	// Conflicts are unionids that stand on several followers, or several mini
	// users. Nobody is bridged by those.
	Conflicts Conflicts `json:"conflicts"`
}

// Conflicts counts ambiguous unionids.
type Conflicts struct {
	Followers int64 `json:"followers"`
	MiniUsers int64 `json:"mini_users"`
}

// Join brings the bridges of an account and one of its mini programs up to date.
func Join(ctx context.Context, store Store, accountID, miniID int64) (JoinSummary, error) {
	started := time.Now()
	changes, err := store.Join(ctx, accountID, miniID)
	if err != nil {
		return JoinSummary{}, err
	}
	coverage, err := Cover(ctx, store, accountID, miniID)
	return JoinSummary{
		Coverage: coverage, New: changes.New, Changed: changes.Changed, Removed: changes.Removed,
		Seconds: time.Since(started).Seconds(),
	}, err
}

// Cover counts the coverage as it stands.
func Cover(ctx context.Context, store Store, accountID, miniID int64) (c Coverage, err error) {
	counts, err := store.FollowerCounts(ctx, accountID)
	if err != nil {
		return c, err
	}
	c.Followers, c.WithUnionID = counts.Followers, counts.WithUnionID
	if c.MiniUsers, err = store.CountMiniUsers(ctx, miniID); err != nil {
		return c, err
	}
	if c.Joined, err = store.CountBridges(ctx, accountID, miniID); err != nil {
		return c, err
	}
	if c.Conflicts.Followers, c.Conflicts.MiniUsers, err = store.UnionIDConflicts(ctx, accountID, miniID); err != nil {
		return c, err
	}
	c.WithoutUnionID = c.Followers - c.WithUnionID
	c.NotInMiniProgram = c.WithUnionID - c.Joined
	return c, nil
}
