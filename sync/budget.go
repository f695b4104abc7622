package followersync

import (
	"context"
	"errors"

	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// ErrQuotaShort: what is left of the day's quota does not cover the listing, so it
// was not begun.
var ErrQuotaShort = errors.New("today's quota does not cover a sync")

// checkListBudget looks, when WeChat has told how many followers there are, whether
// today's quota covers the listing. One that cannot be completed is not begun.
func (s *syncer) checkListBudget(ctx context.Context, first wechat.FollowerPage) error {
	left := max(0, first.Total-s.run.Listed-int64(len(first.OpenIDs)))
	calls := ceilDiv(left, wechat.PageSizeMax) + 1 // the empty page behind the last
	if q, ok := s.quota(ctx, wechat.UserGetAPI); ok && q.Remain() < calls {
		return wxcast.NewError("sync.quota_short", "followers", first.Total, "calls", calls, "left", q.Remain(),
			"limit", q.Limit).Of(ErrQuotaShort)
	}
	return nil
}

// checkDetailBudget says whether today's quota covers the details. They may end
// early, because what was fetched stays.
func (s *syncer) checkDetailBudget(ctx context.Context, total int64) error {
	stored, err := s.done.stored()
	if err != nil {
		return err
	}
	details := max(0, total-stored.Followers)
	if s.Mode == wxcast.SyncFull {
		details = max(0, total-int64(s.run.Fetched)*wechat.PageSizeMax)
	}
	s.done.expected.Store(details)
	calls := ceilDiv(details, wechat.BatchSizeMax)
	if q, ok := s.quota(ctx, wechat.BatchGetAPI); ok && q.Remain() < calls {
		s.Log.WarnContext(ctx,
			"today's quota does not cover all details; the sync goes as far as it can and goes on tomorrow",
			"api", batchGet, "calls_needed", calls, "calls_left", q.Remain(), "limit", q.Limit, "days", ceilDiv(calls,
				max(q.Limit, 1)))
	}
	return nil
}

// quota asks WeChat; a quota that it does not tell is no reason to stop.
func (s *syncer) quota(ctx context.Context, api string) (wxcast.Quota, bool) {
	q, err := s.source.GetQuota(ctx, api)
	if err != nil {
		if ctx.Err() != nil {
			return q, false
		}
		s.Log.InfoContext(ctx, "WeChat did not tell a quota", "api", api, "err", err)
		return q, false
	}
	return q, q.Limit > 0
}
