// Package followersync brings an account's followers and their unionids into the
// store with the fewest calls: it lists every openid, asks for the details of
// those that need them, and marks as gone only who is confirmed to be. The folder
// is called sync; the package is not, so that Go's own sync keeps its name.
package followersync

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
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
}

// Store keeps the followers, the run's checkpoint and the account's lock.
type Store interface {
	OpenSyncRun(ctx context.Context, accountID int64, mode wxcast.SyncMode, maxAge time.Duration) (wxcast.SyncRun, bool, error)
	SyncRun(ctx context.Context, id int64) (wxcast.SyncRun, error)
	StoreListingPage(ctx context.Context, runID int64, page int, openids []wxcast.OpenID, next wxcast.OpenID, total int64) error
	EndListing(ctx context.Context, runID int64, emptyCalls int) error
	PageNeedsDetails(ctx context.Context, run wxcast.SyncRun, page int) ([]wxcast.FollowerRef, error)
	StoreFollowers(ctx context.Context, run wxcast.SyncRun, followers []wxcast.Follower, gone []wxcast.OpenID, p wxcast.SyncProgress) (int64, error)
	CountMissing(ctx context.Context, run wxcast.SyncRun) (stored, missing int64, err error)
	ListMissing(ctx context.Context, run wxcast.SyncRun, after wxcast.OpenID, limit int) ([]wxcast.OpenID, error)
	FinishSyncRun(ctx context.Context, run wxcast.SyncRun, outcome string) error
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
	Total   int64 // WeChat's count of followers; 0 until known
	Listed  int64
	Details int64 // details fetched in this process
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
		o.Log.InfoContext(ctx, "continuing an unfinished sync", "pages", run.Pages, "listed", run.Listed, "since", run.StartedAt)
	}
	s := &syncer{Options: o, source: source, store: store, run: run, limiter: rate.NewLimiter(rate.Limit(o.Rate), 1)}
	runErr := s.listAndFetch(ctx)
	if runErr == nil {
		runErr = s.markGone(ctx)
	}
	if runErr == nil {
		runErr = store.FinishSyncRun(ctx, run, "done")
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
	limiter *rate.Limiter
	done    progressCount
}

// listAndFetch lists the followers and, beside it, fetches the details that each
// stored page lacks.
func (s *syncer) listAndFetch(ctx context.Context) error {
	pages := make(chan int, 4)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(pages)
		return s.list(ctx, pages)
	})
	g.Go(func() error {
		return s.fetch(ctx, func(yield func(wxcast.FollowerRef) error) error {
			for page := range pages {
				refs, err := s.store.PageNeedsDetails(ctx, s.run, page)
				if err != nil {
					return err
				}
				for _, ref := range refs {
					if err := yield(ref); err != nil {
						return err
					}
				}
			}
			return nil
		})
	})
	return g.Wait()
}

// list stores the pages of the follower list and names each on pages, those of
// an earlier process first.
func (s *syncer) list(ctx context.Context, pages chan<- int) error {
	announce := func(page int) error {
		select {
		case pages <- page:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.done.total.Store(s.run.Total)
	s.done.listed.Store(s.run.Listed)
	for page := 1; page <= s.run.Pages; page++ {
		if err := announce(page); err != nil {
			return err
		}
	}
	if s.run.ListedAll {
		return nil
	}
	cursor := s.run.NextOpenID
	var before []wxcast.OpenID // the page before, where this process has it
	for page := s.run.Pages + 1; ; page++ {
		got, err := s.listPage(ctx, cursor, before)
		if err != nil {
			return fmt.Errorf("list followers, page %d: %w", page, err)
		}
		if len(got.OpenIDs) == 0 {
			return s.endListing(ctx, 1)
		}
		if err := s.store.StoreListingPage(ctx, s.run.ID, page, got.OpenIDs, got.NextOpenID, got.Total); err != nil {
			return err
		}
		s.done.total.Store(got.Total)
		s.done.listed.Add(int64(len(got.OpenIDs)))
		s.tell()
		if err := announce(page); err != nil {
			return err
		}
		// Neither a short page nor a sum that reaches the total is an end: pages may
		// be short and the total moves.
		if got.NextOpenID == "" || got.NextOpenID == cursor {
			return s.endListing(ctx, 0)
		}
		cursor, before = got.NextOpenID, got.OpenIDs
	}
}

// cursorTries is how many earlier openids of a page are tried as its cursor.
const cursorTries = 10

// listPage lists the page behind cursor. Whether a cursor whose person has
// unfollowed is accepted is not documented; where it is not, the openids before it
// on its page serve, and list a few people twice.
func (s *syncer) listPage(ctx context.Context, cursor wxcast.OpenID, before []wxcast.OpenID) (wechat.FollowerPage, error) {
	for tries := 0; ; tries++ {
		got, err := retry(ctx, s, func() (wechat.FollowerPage, error) { return s.source.ListFollowers(ctx, cursor) })
		if wechat.CodeOf(err) != codeInvalidOpenID || cursor == "" || tries == cursorTries {
			return got, err
		}
		at := slices.Index(before, cursor)
		if at < 1 {
			// Nothing earlier is known: the next run lists anew.
			err = fmt.Errorf("the cursor is not accepted any more, run the sync again: %w", err)
			return got, errors.Join(err, s.store.FinishSyncRun(ctx, s.run, err.Error()))
		}
		s.Log.InfoContext(ctx, "a cursor is not accepted, trying the openid before it", "err", err)
		cursor = before[at-1]
	}
}

// codeInvalidOpenID is how user/get refuses a cursor.
const codeInvalidOpenID = 40003

// listedShareMin is how much of WeChat's own total a list must hold to be taken
// for complete. The total moves while we page, but not by a tenth.
const listedShareMin = 0.9

// endListing concludes the list, unless it broke off: then nothing is concluded
// from it, and the next run lists anew.
func (s *syncer) endListing(ctx context.Context, emptyCalls int) error {
	listed, total := s.done.listed.Load(), s.done.total.Load()
	if float64(listed) < listedShareMin*float64(total) {
		err := fmt.Errorf("%w after %d of %d followers; nobody was marked as gone. Run the sync again", ErrListBrokeOff, listed, total)
		return errors.Join(err, s.store.FinishSyncRun(ctx, s.run, err.Error()))
	}
	return s.store.EndListing(ctx, s.run.ID, emptyCalls)
}

// markGone looks at the stored followers that the complete listing lacks, asks
// WeChat about each, and marks those who really left.
func (s *syncer) markGone(ctx context.Context) error {
	stored, missing, err := s.store.CountMissing(ctx, s.run)
	if err != nil || missing == 0 {
		return err
	}
	if share := float64(missing) / float64(stored); share > s.MaxUnfollowShare && !s.AllowMassUnfollow {
		err := fmt.Errorf("%w: %d of %d stored followers (%.0f %%), and sync.max_unfollow_share allows %.0f %%; nobody was marked. If they really left, run wxcast sync --allow-mass-unfollow",
			ErrMassUnfollow, missing, stored, 100*share, 100*s.MaxUnfollowShare)
		// The listing is no good to continue from: the next run lists anew.
		return errors.Join(err, s.store.FinishSyncRun(ctx, s.run, err.Error()))
	}
	return s.fetch(ctx, func(yield func(wxcast.FollowerRef) error) error {
		after := wxcast.OpenID("")
		for {
			openids, err := s.store.ListMissing(ctx, s.run, after, wechat.PageSizeMax)
			if err != nil || len(openids) == 0 {
				return err
			}
			for _, o := range openids {
				if err := yield(wxcast.FollowerRef{OpenID: o, Known: true}); err != nil {
					return err
				}
			}
			after = openids[len(openids)-1]
		}
	})
}

func (s *syncer) summary(ctx context.Context) (Summary, error) {
	run, err := s.store.SyncRun(ctx, s.run.ID)
	if err != nil {
		return Summary{APICalls: map[string]int64{}}, err
	}
	counts, err := s.store.FollowerCounts(ctx, s.AccountID)
	return Summary{
		Mode: run.Mode, Total: run.Total, Listed: run.Listed, New: run.New, Updated: run.Updated, Unfollowed: run.Unfollowed,
		WithUnionID: counts.WithUnionID,
		APICalls:    map[string]int64{"user/get": run.ListCalls, "user/info/batchget": run.DetailCalls, "user/info": run.SingleCalls},
	}, err
}
