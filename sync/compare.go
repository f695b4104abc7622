package followersync

import (
	"context"
	"iter"

	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// The comparison of the night's listing with the followers. Where an earlier
// run's listing is at hand that they agreed with (the base), it is enough to look
// at what differs between the two listings, and at what else has changed since;
// a night in which nothing changed touches no follower at all.

// yieldRef takes a follower whose details are wanted.
type yieldRef = func(wxcast.FollowerRef) error

// feedPage yields the followers of a listed page whose details are wanted: the new
// and the returned; in a full run everyone.
func (s *syncer) feedPage(ctx context.Context, page int, base *nearby, yield yieldRef) error {
	openids, err := s.store.ListingPage(ctx, s.run, page)
	if err != nil {
		return err
	}
	if err := base.advance(page); err != nil {
		return err
	}
	fresh := openids[:0]
	for _, o := range openids {
		known, err := base.has(o)
		if err != nil {
			return err
		}
		if !known || s.Mode == wxcast.SyncFull {
			fresh = append(fresh, o)
		}
	}
	s.inBase += int64(len(openids) - len(fresh))
	if len(fresh) == 0 {
		return nil
	}
	var states map[wxcast.OpenID]bool
	if stored, err := s.done.stored(); err != nil {
		return err
	} else if stored.Followers+stored.Unfollowed > 0 {
		if states, err = s.store.FollowerStates(ctx, s.AccountID, fresh); err != nil {
			return err
		}
	}
	for _, o := range fresh {
		follows, known := states[o]
		if follows && s.Mode != wxcast.SyncFull {
			continue
		}
		if known && s.Mode != wxcast.SyncFull {
			s.returned[o] = struct{}{}
		}
		if err := yield(wxcast.FollowerRef{OpenID: o, Known: known, Page: page}); err != nil {
			return err
		}
	}
	return nil
}

// compareChunk is how many openids are compared with the whole listing at a time.
const compareChunk = 50_000

// eachDifference visits the stored followers that the complete listing lacks, and
// those that it has though they are stored as gone.
func (s *syncer) eachDifference(ctx context.Context, visit func(o wxcast.OpenID, missing bool) error) error {
	chunk := make(map[wxcast.OpenID]bool, compareChunk) // does the store say that they follow?
	flush := func() error {
		listed, err := s.listedOf(ctx, chunk)
		if err != nil {
			return err
		}
		for o, follows := range chunk {
			_, asked := s.returned[o]
			if listed[o] == follows || listed[o] && (asked || s.Mode == wxcast.SyncFull) {
				continue // as it should be, or asked for with its page
			}
			if err := visit(o, follows); err != nil {
				return err
			}
		}
		clear(chunk)
		return nil
	}
	// Where every place of the base has been found in the listing, nobody is missing.
	if s.base.ID != 0 && s.inBase < s.base.Listed {
		if err := s.eachBaseOnly(ctx, func(openids []wxcast.OpenID) error {
			states, err := s.store.FollowerStates(ctx, s.AccountID, openids)
			if err != nil {
				return err
			}
			for o, follows := range states {
				chunk[o] = follows
			}
			if len(chunk) >= compareChunk {
				return flush()
			}
			return nil
		}); err != nil {
			return err
		}
	}
	flipped, err := s.flipped()
	if err != nil {
		return err
	}
	for f, err := range flipped {
		if err != nil {
			return err
		}
		if chunk[f.OpenID] = f.Subscribed; len(chunk) >= compareChunk {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// lookForFlipped reads the followers that have changed since the base, beside the
// listing. Few are kept in memory; many are read again when they are needed.
func (s *syncer) lookForFlipped(ctx context.Context) (iter.Seq2[wxcast.FollowerState, error], error) {
	all := s.store.FlippedFollowers(ctx, s.base, s.run)
	var few []wxcast.FollowerState
	for f, err := range all {
		if err != nil {
			return nil, err
		}
		if few = append(few, f); len(few) > compareChunk {
			return all, nil
		}
	}
	return func(yield func(wxcast.FollowerState, error) bool) {
		for _, f := range few {
			if !yield(f, nil) {
				return
			}
		}
	}, nil
}

// eachBaseOnly visits the openids of the base that the run's listing does not have
// at about the same place.
func (s *syncer) eachBaseOnly(ctx context.Context, visit func([]wxcast.OpenID) error) error {
	near := newNearby(ctx, s.store, s.run)
	for page := 1; ; page++ {
		openids, err := s.store.ListingPage(ctx, s.base, page)
		if err != nil || len(openids) == 0 {
			return err
		}
		if err := near.advance(page); err != nil {
			return err
		}
		only := openids[:0]
		for _, o := range openids {
			has, err := near.has(o)
			if err != nil {
				return err
			}
			if !has {
				only = append(only, o)
			}
		}
		if len(only) == 0 {
			continue
		}
		if err := visit(only); err != nil {
			return err
		}
	}
}

// listedOf tells which openids of a chunk the run's listing has, wherever.
func (s *syncer) listedOf(ctx context.Context, chunk map[wxcast.OpenID]bool) (map[wxcast.OpenID]bool, error) {
	listed := map[wxcast.OpenID]bool{}
	for page := 1; len(chunk) > 0; page++ {
		openids, err := s.store.ListingPage(ctx, s.run, page)
		if err != nil {
			return nil, err
		}
		if len(openids) == 0 {
			break
		}
		for _, o := range openids {
			if _, asked := chunk[o]; asked {
				listed[o] = true
			}
		}
	}
	return listed, nil
}

// feedDifferences yields those whom the comparison cannot decide alone: WeChat is
// asked about everyone before anyone is marked as gone. Too many are not believed.
func (s *syncer) feedDifferences(ctx context.Context, yield yieldRef) error {
	var missing int64
	var refs []wxcast.FollowerRef
	if err := s.eachDifference(ctx, func(o wxcast.OpenID, isMissing bool) error {
		if isMissing {
			missing++
		}
		if len(refs) <= compareChunk {
			refs = append(refs, wxcast.FollowerRef{OpenID: o, Known: true, Missing: isMissing})
		}
		return nil
	}); err != nil {
		return err
	}
	if err := s.checkMissing(ctx, missing); err != nil {
		return err
	}
	if len(refs) <= compareChunk {
		for _, ref := range refs {
			if err := yield(ref); err != nil {
				return err
			}
		}
		return nil
	}
	refs = nil // too many to keep: go through them once more
	return s.eachDifference(ctx, func(o wxcast.OpenID, isMissing bool) error {
		return yield(wxcast.FollowerRef{OpenID: o, Known: true, Missing: isMissing})
	})
}

// checkMissing refuses to believe that more than MaxUnfollowShare have left.
func (s *syncer) checkMissing(ctx context.Context, missing int64) error {
	if missing == 0 || s.AllowMassUnfollow {
		return nil
	}
	counts, err := s.store.FollowerCounts(ctx, s.AccountID)
	if err != nil {
		return err
	}
	share := float64(missing) / float64(max(counts.Followers, 1))
	if share <= s.MaxUnfollowShare {
		return nil
	}
	tooMany := wxcast.NewError("sync.mass_unfollow", "missing", missing, "of", counts.Followers, "share", share, "most",
		s.MaxUnfollowShare).Of(ErrMassUnfollow)
	// The listing is no good to continue from: the next run lists anew.
	return s.giveUp(ctx, tooMany)
}

// feedWithoutUnionID yields the followers that are due to be asked for a unionid.
func (s *syncer) feedWithoutUnionID(ctx context.Context, yield yieldRef) error {
	after := wxcast.OpenID("")
	for {
		openids, err := s.store.WithoutUnionID(ctx, s.AccountID, after, wechat.PageSizeMax)
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
}

// openBase looks up what the run's listing is compared with. A full run compares
// with the followers themselves, whatever earlier runs believed.
func (s *syncer) openBase(ctx context.Context) (err error) {
	if s.Mode != wxcast.SyncFull {
		s.base, err = s.store.BaseSyncRun(ctx, s.AccountID)
	}
	return err
}
