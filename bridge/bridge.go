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
	ImportMiniUsers(ctx context.Context, accountID, miniID int64, users iter.Seq2[wxcast.MiniUser, error],
		mode wxcast.ImportMode) (wxcast.ImportCounts, error)
	Join(ctx context.Context, accountID, miniID int64) (wxcast.BridgeChanges, wxcast.Coverage, error)
	Coverage(ctx context.Context, accountID, miniID int64) (wxcast.Coverage, error)
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
	// NotInMiniProgram followers have a unionid that no mini user has.
	NotInMiniProgram int64 `json:"not_in_mini_program"`
	// MiniUserKnown followers have a unionid that a mini user has: Joined of them,
	// and Ambiguous ones, whose unionid stands on several people.
	MiniUserKnown int64 `json:"mini_user_known"`
	Ambiguous     int64 `json:"ambiguous"`
	// Conflicts are the unionids that make them ambiguous. Nobody is bridged by
	// those.
	Conflicts Conflicts `json:"conflicts"`
}

// Conflicts counts ambiguous unionids.
type Conflicts struct {
	Followers int64 `json:"followers"`  // unionids that several followers have
	MiniUsers int64 `json:"mini_users"` // unionids that several mini users have
}

// Join brings the bridges of an account and one of its mini programs up to date.
func Join(ctx context.Context, store Store, accountID, miniID int64) (JoinSummary, error) {
	started := time.Now()
	changes, c, err := store.Join(ctx, accountID, miniID)
	if err != nil {
		return JoinSummary{}, err
	}
	return JoinSummary{
		Coverage: CoverageOf(c), New: changes.New, Changed: changes.Changed, Removed: changes.Removed,
		Seconds: time.Since(started).Seconds(),
	}, nil
}

// Cover counts the coverage as it stands.
func Cover(ctx context.Context, store Store, accountID, miniID int64) (Coverage, error) {
	c, err := store.Coverage(ctx, accountID, miniID)
	return CoverageOf(c), err
}

// CoverageOf shows a coverage with those whom it leaves out.
func CoverageOf(c wxcast.Coverage) Coverage {
	return Coverage{
		Followers: c.Followers, WithUnionID: c.WithUnionID, MiniUsers: c.MiniUsers, Joined: c.Joined,
		WithoutUnionID: c.Followers - c.WithUnionID, NotInMiniProgram: c.WithUnionID - c.MiniUserKnown,
		MiniUserKnown: c.MiniUserKnown, Ambiguous: max(0, c.MiniUserKnown-c.Joined),
		Conflicts: Conflicts{c.FollowerConflicts, c.MiniConflicts},
	}
}
