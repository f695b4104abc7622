package followersync

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// pagesAhead is how far the listing may run ahead of the details: far enough to
// never wait for them, so that the list is read as fast as WeChat gives it.
const pagesAhead = 4096

// list stores the pages of the follower list, each while the next one is being
// fetched, and names each on pages, those of an earlier process first.
func (s *syncer) list(ctx context.Context, pages chan<- int) error {
	for page := 1; page <= s.run.Pages; page++ {
		if err := give(ctx, pages, page); err != nil {
			return err
		}
	}
	if s.run.ListedAll {
		return nil
	}
	type listed struct {
		wechat.FollowerPage
		page int
	}
	got := make(chan listed, 1)
	g, listing := errgroup.WithContext(ctx)
	emptyCalls := 0
	g.Go(func() error {
		defer close(got)
		cursor := s.run.NextOpenID
		var before []wxcast.OpenID // the page before, where this process has it
		for page := s.run.Pages + 1; ; page++ {
			p, err := s.listPage(listing, cursor, before)
			if err != nil {
				return fmt.Errorf("list followers, page %d: %w", page, err)
			}
			if len(p.OpenIDs) == 0 {
				emptyCalls = 1
				return nil
			}
			if page == s.run.Pages+1 {
				if err := s.checkListBudget(listing, p); err != nil {
					return err
				}
				g.Go(func() error { return s.checkDetailBudget(listing, p.Total) })
			}
			if err := give(listing, got, listed{p, page}); err != nil {
				return err
			}
			// Neither a short page nor a sum that reaches the total is an end: pages
			// may be short and the total moves.
			if p.NextOpenID == "" || p.NextOpenID == cursor {
				return nil
			}
			cursor, before = p.NextOpenID, p.OpenIDs
		}
	})
	g.Go(func() error {
		for p := range got {
			if err := s.store.StoreListingPage(listing, s.run, wxcast.ListingPage{
				Number: p.page, OpenIDs: p.OpenIDs, Next: p.NextOpenID, Total: p.Total,
			}); err != nil {
				return err
			}
			s.done.listPage(p.Total, int64(len(p.OpenIDs)))
			s.tell()
			if err := give(listing, pages, p.page); err != nil {
				return err
			}
		}
		return nil
	})
	if err := g.Wait(); err != nil {
		return err
	}
	return s.endListing(ctx, emptyCalls)
}

// give sends a value unless ctx ends first.
func give[T any](ctx context.Context, to chan<- T, value T) error {
	select {
	case to <- value:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// cursorTries is how many earlier openids of a page are tried as its cursor.
const cursorTries = 10

// codeInvalidOpenID is how user/get refuses a cursor.
const codeInvalidOpenID = 40003

// listPage lists the page behind cursor. Whether a cursor whose person has
// unfollowed is accepted is not documented; where it is not, the openids before it
// on its page serve, and list a few people twice.
func (s *syncer) listPage(ctx context.Context, cursor wxcast.OpenID, before []wxcast.OpenID) (wechat.FollowerPage,
	error) {
	for tries := 0; ; tries++ {
		got, err := retry(ctx, s, func() (wechat.FollowerPage, error) { return s.source.ListFollowers(ctx, cursor) })
		if wechat.CodeOf(err) != codeInvalidOpenID || cursor == "" || tries == cursorTries {
			return got, err
		}
		if before == nil && s.run.Pages > 0 { // the page was listed by an earlier process
			if before, err = s.store.ListingPage(ctx, s.run, s.run.Pages); err != nil {
				return got, err
			}
		}
		at := slices.Index(before, cursor)
		if at < 1 {
			// Nothing earlier is known: the next run lists anew.
			return got, s.giveUp(ctx, wxcast.NewError("sync.cursor_lost", "why", err).Of(err))
		}
		s.Log.InfoContext(ctx, "a cursor is not accepted, trying the openid before it", "err", err)
		cursor = before[at-1]
	}
}

// giveUp ends a run that cannot be continued: the next one lists anew.
func (s *syncer) giveUp(ctx context.Context, why *wxcast.SaidError) error {
	kept, err := why.Sentence().Value()
	if err != nil {
		return errors.Join(why, err)
	}
	return errors.Join(why, s.store.FinishSyncRun(ctx, s.run, kept.(string), false))
}

// listedShareMin is how much of WeChat's own total a list must hold to be taken
// for complete. The total moves while we page, but not by a tenth.
const listedShareMin = 0.9

// endListing concludes the list, unless it broke off: then nothing is concluded
// from it, and the next run lists anew.
func (s *syncer) endListing(ctx context.Context, emptyCalls int) error {
	listed, total := s.done.listed.Load(), s.done.largest.Load()
	if float64(listed) < listedShareMin*float64(total) {
		return s.giveUp(ctx, wxcast.NewError("sync.list_broke_off", "listed", listed, "of", total).Of(ErrListBrokeOff))
	}
	return s.store.EndListing(ctx, s.run.ID, emptyCalls)
}
