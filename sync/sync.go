// Package followersync brings an account's followers and their unionids into the
// store with the fewest calls: it lists every openid, asks for the details of
// those that need them, and marks as gone only who is confirmed to be. The folder
// is called sync; the package is not, so that Go's own sync keeps its name.
package followersync

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Source is WeChat, as far as a sync asks it.
type Source interface {
	ListFollowers(ctx context.Context, next wxcast.OpenID) (wechat.FollowerPage, error)
	BatchGetUsers(ctx context.Context, openids []wxcast.OpenID) ([]wxcast.Follower, wechat.DetailCalls, error)
	GetQuota(ctx context.Context, api string) (wxcast.Quota, error)
}

// Store keeps the followers, the run's checkpoint and the account's lock.
type Store interface {
	Now() time.Time
	OpenSyncRun(ctx context.Context, accountID int64, mode wxcast.SyncMode, maxAge time.Duration) (wxcast.SyncRun, bool,
		error)
	SyncRun(ctx context.Context, id int64) (wxcast.SyncRun, error)
	StoreListingPage(ctx context.Context, run wxcast.SyncRun, p wxcast.ListingPage) error
	EndListing(ctx context.Context, runID int64, emptyCalls int) error
	ListingPage(ctx context.Context, run wxcast.SyncRun, page int) ([]wxcast.OpenID, error)
	BaseSyncRun(ctx context.Context, accountID int64) (wxcast.SyncRun, error)
	FollowerStates(ctx context.Context, accountID int64, openids []wxcast.OpenID) (map[wxcast.OpenID]bool, error)
	FlippedFollowers(ctx context.Context, base, run wxcast.SyncRun) iter.Seq2[wxcast.FollowerState, error]
	WithoutUnionID(ctx context.Context, accountID int64, after wxcast.OpenID, limit int) ([]wxcast.OpenID, error)
	Writers() int
	StoreFollowers(ctx context.Context, run wxcast.SyncRun, told wxcast.Told,
		p wxcast.SyncProgress) (int64, error)
	FinishSyncRun(ctx context.Context, run wxcast.SyncRun, outcome string, isBase bool) error
	FollowerCounts(ctx context.Context, accountID int64) (wxcast.FollowerCounts, error)
	locker
}

// Options say how to sync.
type Options struct {
	AccountID         int64
	Mode              wxcast.SyncMode
	Concurrency       int           // batchget calls at a time
	Rate              float64       // calls per second
	MaxUnfollowShare  float64       // 0 to 1
	AllowMassUnfollow bool          // go beyond MaxUnfollowShare
	ResumeWithin      time.Duration // an unfinished run older than this starts anew
	// Progress is told now and then how far the run is; it must not block.
	Progress func(Progress)
	Log      *slog.Logger
}

// Progress is how far a run is.
type Progress struct {
	Done, Whole int64 // in followers listed and details fetched; Whole is 0 until known
}

// Summary is what a run did, over all its resumptions.
type Summary struct {
	Mode        wxcast.SyncMode  `json:"mode"`
	Resumed     bool             `json:"resumed"`
	Total       int64            `json:"total"`
	Listed      int64            `json:"listed"`
	New         int64            `json:"new"`
	Updated     int64            `json:"updated"`
	Unfollowed  int64            `json:"unfollowed"`
	WithUnionID int64            `json:"with_unionid"`
	APICalls    map[string]int64 `json:"api_calls"`
	// FewestCalls is how many calls this could have been done with, for comparison.
	FewestCalls map[string]int64 `json:"fewest_calls"`
	Seconds     float64          `json:"seconds"`
}

// ErrMassUnfollow: more followers are missing from the listing than a sync may
// mark as gone. Nothing was marked.
var ErrMassUnfollow = errors.New("too many followers are missing from WeChat's list")

// ErrListBrokeOff: WeChat's list ended long before its own total.
var ErrListBrokeOff = errors.New("WeChat's list of followers ended")

// Run syncs one account. It continues an unfinished run; one that ends with an
// error or a cancelled ctx can be continued.
func Run(ctx context.Context, source Source, store Store, o Options) (Summary, error) {
	started := time.Now()
	ctx, release, err := holdLock(ctx, store, fmt.Sprintf("sync:%d", o.AccountID), o.Log)
	if err != nil {
		return Summary{}, err
	}
	defer release()
	run, resumed, err := store.OpenSyncRun(ctx, o.AccountID, o.Mode, o.ResumeWithin)
	if err != nil {
		return Summary{}, err
	}
	if resumed {
		o.Log.InfoContext(ctx, "continuing an unfinished sync", "pages", run.Pages, "listed", run.Listed, "since",
			run.StartedAt)
	}
	s := &syncer{Options: o, source: source, store: store, run: run, returned: map[wxcast.OpenID]struct{}{},
		limiter: rate.NewLimiter(rate.Limit(o.Rate), 1)}
	s.done.begin(ctx, s)
	runErr := s.openBase(ctx)
	if runErr == nil {
		runErr = s.listAndFetch(ctx)
	}
	if runErr == nil {
		runErr = store.FinishSyncRun(ctx, run, "done", s.stillFollow.Load() == 0)
	}
	// What was done is told even when the run was cut short.
	summary, err := s.summary(context.WithoutCancel(ctx))
	summary.Resumed, summary.Seconds = resumed, time.Since(started).Seconds()
	if cause := context.Cause(ctx); runErr != nil && cause != nil {
		runErr = cause
	}
	return summary, errors.Join(runErr, err)
}

// syncer is one run in this process.
type syncer struct {
	Options
	source  Source
	store   Store
	run     wxcast.SyncRun
	base    wxcast.SyncRun // whose listing this one is compared with; zero for none
	limiter *rate.Limiter
	done    progressCount
	pages   pageCount
	// inBase counts the listed openids that stand in the base.
	inBase int64
	// flipped are the followers that something else has changed since the base.
	flipped func() (iter.Seq2[wxcast.FollowerState, error], error)
	// returned are those of the listing who were stored as gone.
	returned map[wxcast.OpenID]struct{}
	// stillFollow counts followers whom the listing lacks though they follow.
	stillFollow atomic.Int64
}

// listAndFetch lists the followers and, beside it, fetches the details that are
// wanted. All go through one stream of batches, so that all but one are full.
func (s *syncer) listAndFetch(ctx context.Context) error {
	pages := make(chan int, pagesAhead)
	g, working := errgroup.WithContext(ctx)
	s.flipped = sync.OnceValues(func() (iter.Seq2[wxcast.FollowerState, error],
		error) {
		return s.lookForFlipped(working)
	})
	g.Go(func() error { // both beside the first pages
		if _, err := s.done.stored(); err != nil {
			return err
		}
		_, err := s.flipped()
		return err
	})
	g.Go(func() error {
		err := s.list(working, pages)
		if err == nil {
			close(pages) // left open after an error: the feed must not take it for the end
		}
		return err
	})
	g.Go(func() error {
		return s.fetch(working, func(yield yieldRef) error { return s.feed(working, pages, yield) })
	})
	return g.Wait()
}

// feed yields everyone whose details are wanted: page by page beside the listing,
// and once that is complete, those who differ from it and those without a unionid.
func (s *syncer) feed(ctx context.Context, pages <-chan int, yield yieldRef) error {
	base := newNearby(ctx, s.store, s.base)
	s.pages.done = s.run.Fetched
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case page, more := <-pages:
			if !more {
				if err := s.feedDifferences(ctx, yield); err != nil {
					return err
				}
				return s.feedWithoutUnionID(ctx, yield)
			}
			if page <= s.run.Fetched {
				continue
			}
			if err := s.feedPage(ctx, page, base, func(ref wxcast.FollowerRef) error {
				s.pages.add(page)
				s.done.wanted.Add(1)
				return yield(ref)
			}); err != nil {
				return err
			}
			s.pages.fed(page)
		}
	}
}

func (s *syncer) summary(ctx context.Context) (Summary, error) {
	run, err := s.store.SyncRun(ctx, s.run.ID)
	if err != nil {
		return Summary{APICalls: map[string]int64{}}, err
	}
	out := SummaryOf(run)
	counts, err := s.done.stored()
	if out.New+out.Updated+out.Unfollowed > 0 || err != nil { // else they are what they were
		counts, err = s.store.FollowerCounts(ctx, s.AccountID)
	}
	out.WithUnionID = counts.WithUnionID
	return out, err
}

// SummaryOf tells of a run what its row says.
func SummaryOf(run wxcast.SyncRun) Summary {
	fewestLists := ceilDiv(run.Listed, wechat.PageSizeMax)
	if run.ListCalls > int64(run.Pages) {
		fewestLists++ // WeChat's last page did not say that it was the last
	}
	return Summary{
		Mode: run.Mode, Total: run.Total, Listed: run.Listed, New: run.New, Updated: run.Updated,
		Unfollowed:  run.Unfollowed,
		APICalls:    map[string]int64{userGet: run.ListCalls, batchGet: run.DetailCalls, "user/info": run.SingleCalls},
		FewestCalls: map[string]int64{userGet: fewestLists, batchGet: ceilDiv(run.Asked, wechat.BatchSizeMax)},
	}
}

// The calls as summaries name them.
const (
	userGet  = "user/get"
	batchGet = "user/info/batchget"
)

func ceilDiv(n, by int64) int64 { return (n + by - 1) / by }
