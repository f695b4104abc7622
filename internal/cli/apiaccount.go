package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/wxcast/wxcast/bridge"
	"github.com/wxcast/wxcast/broadcast"
	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/api"
	"github.com/wxcast/wxcast/internal/report"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
)

// What follows, with the methods beside the commands, is what the HTTP API does with an
// account: the same as the commands.

// statusOf is the HTTP status of an error, beside those that the API's own errors have.
func statusOf(err error) (int, string) {
	text := err.Error()
	if hint := advice(err); hint != "" {
		text += ". " + hint
	}
	var bad *config.Error
	var refused *wechat.Error
	switch {
	case errors.Is(err, store.ErrUnreachable):
		return http.StatusServiceUnavailable, "the database does not answer; try again"
	case errors.As(err, &bad):
		return http.StatusConflict, text
	case errors.As(err, &refused):
		return http.StatusBadGateway, text
	}
	return http.StatusInternalServerError, text
}

// program is a caller of the API as one who asks for a broadcast.
func (s *session) program() asker {
	return asker{say: func(format string, args ...any) { s.log.Info(fmt.Sprintf(format, args...), "account", s.account.Name) }}
}

// calling refuses what needs WeChat where the account cannot call it.
func (s *session) calling() error {
	if s.client == nil {
		return api.Conflict("the account " + s.account.Name + " has no secret, so it cannot call WeChat")
	}
	return nil
}

// uploaded reads a spec that was sent.
func (s *session) uploaded(u api.Upload) (*broadcast.Spec, error) {
	if err := s.calling(); err != nil {
		return nil, err
	}
	raw, err := os.ReadFile(filepath.Join(u.Dir, u.Spec))
	if err != nil {
		return nil, errors.New("an upload cannot be read")
	}
	spec, err := broadcast.ParseSpec(u.Spec, raw)
	if err != nil {
		return nil, err
	}
	if spec.Account != "" && spec.Account != s.account.Name {
		return nil, spec.Bad("account", fmt.Sprintf("%q is not the account that the key opens", spec.Account), "leave it out, or use a key of that account")
	}
	if err := spec.OpenUploadedLists(u.Dir); err != nil {
		return nil, err
	}
	return spec, specFlags{rate: u.Rate, onBadValue: u.OnBadValue, onUnknown: u.OnUnknown}.apply(spec)
}

// PreviewBroadcast shows who would get a broadcast.
func (s *session) PreviewBroadcast(ctx context.Context, u api.Upload, messages int) (api.Preview, error) {
	spec, err := s.uploaded(u)
	if err != nil {
		return api.Preview{}, err
	}
	return s.preview(ctx, spec, messages)
}

// TestBroadcast sends a spec's message to a few followers.
func (s *session) TestBroadcast(ctx context.Context, u api.Upload, to []string) ([]api.TestMessage, error) {
	spec, err := s.uploaded(u)
	if err != nil {
		return nil, err
	}
	return s.sendTests(ctx, spec, to)
}

// CreateBroadcast stores a broadcast; the processes of wxcast serve begin it.
func (s *session) CreateBroadcast(ctx context.Context, u api.Upload, draft bool, at string) (report.Broadcast, error) {
	spec, err := s.uploaded(u)
	if err != nil {
		return report.Broadcast{}, err
	}
	if draft && at != "" {
		return report.Broadcast{}, &wxcast.BadInput{Key: "draft", Problem: wxcast.Plain("a draft begins at no time"), Want: wxcast.Plain("give draft or at, not both")}
	}
	begin, err := s.beginAt(at)
	var bad *wxcast.BadInput
	if errors.As(err, &bad) {
		bad.Key = "at"
	}
	if err != nil {
		return report.Broadcast{}, err
	}
	if at == "" && !draft {
		begin.State = wxcast.BroadcastRunning
	}
	b, _, err := s.findBroadcast(ctx, spec, begin, s.program())
	if err != nil {
		return report.Broadcast{}, err
	}
	return report.OfBroadcast(ctx, s.db, b)
}

// RetryBroadcast sends again to those whose message WeChat refused.
func (s *session) RetryBroadcast(ctx context.Context, id int64, only []int) (report.Broadcast, error) {
	b, err := s.broadcast(ctx, id)
	if err != nil {
		return report.Broadcast{}, err
	}
	retry, err := s.makeRetry(ctx, b, only, s.program())
	if err != nil {
		return report.Broadcast{}, err
	}
	return report.OfBroadcast(ctx, s.db, retry)
}

// SteerBroadcast changes a broadcast's rate or priority.
func (s *session) SteerBroadcast(ctx context.Context, id int64, to api.Steering) (report.Broadcast, error) {
	b, err := s.steer(ctx, id, to)
	if err != nil {
		return report.Broadcast{}, err
	}
	return report.OfBroadcast(ctx, s.db, b)
}

// ExportDeliveries writes every delivery of a broadcast.
func (s *session) ExportDeliveries(ctx context.Context, id int64, format string, w io.Writer) error {
	b, err := s.broadcast(ctx, id)
	if err != nil {
		return err
	}
	_, err = writeRows(w, format, deliveryRows(ctx, s, b))
	return err
}

// ExportFollowers writes followers.
func (s *session) ExportFollowers(ctx context.Context, f api.FollowerFilter, format string, w io.Writer) error {
	audience := wxcast.Audience{TagsAny: f.Tags, Scenes: f.Scenes, Unfollowed: f.Unfollowed}
	if f.Bridged || f.NotBridged {
		audience.Bridged = &f.Bridged
	}
	err := errors.Join(parseDate("followed_from", f.From, &audience.FollowedFrom), parseDate("followed_until", f.Until, &audience.FollowedUntil))
	if err == nil && (len(s.account.MiniPrograms) > 0 || audience.Bridged != nil) {
		_, audience.MiniID, err = s.miniProgram(ctx, f.MiniAppID)
	}
	if err != nil {
		return err
	}
	_, err = writeRows(w, format, followerRows(ctx, s, audience))
	return err
}

// ExportOptOuts writes the opt-out list.
func (s *session) ExportOptOuts(ctx context.Context, format string, w io.Writer) error {
	_, err := writeRows(w, format, optOutRows(ctx, s))
	return err
}

// StartJob runs a job now.
func (s *session) StartJob(_ context.Context, name string) error {
	if !s.startJob(name) {
		return api.NotFound(fmt.Sprintf("account %s has no job %s; without a secret it has only those that need no WeChat", s.account.Name, name))
	}
	return nil
}

// rejectsShown is how many rejected rows an import names.
const rejectsShown = 100

// ImportMiniUsers brings in mini users, and joins them.
func (s *session) ImportMiniUsers(ctx context.Context, name string, in io.Reader, o api.ImportOptions) (out api.Imported, err error) {
	out.Rejects = []api.Reject{}
	columns := bridge.Columns{UnionID: o.UnionIDColumn, OpenID: o.OpenIDColumn}
	miniID, summary, err := s.importRows(ctx, bridge.ReadFile(in, name, columns), name, importFlags{mini: o.MiniAppID, strict: o.Strict, replace: o.Replace, allowMassRemoval: o.Whole},
		func(r bridge.Rejected) {
			if len(out.Rejects) < rejectsShown {
				out.Rejects = append(out.Rejects, api.Reject{Line: r.Line, Reason: r.Reason})
			}
		})
	if err != nil {
		return out, err
	}
	out.Import = summary
	out.Join, err = bridge.Join(ctx, s.db, s.accountID, miniID)
	return out, err
}

// AccessToken hands out the account's access token.
func (s *session) AccessToken(ctx context.Context, refused string) (api.AccessToken, error) {
	if err := s.calling(); err != nil {
		return api.AccessToken{}, err
	}
	t, err := s.client.AccessToken(ctx, refused)
	return api.AccessToken{AccessToken: t.Reveal(), ExpiresIn: int(time.Until(t.ExpiresAt).Seconds())}, err
}

// Describe tells which account it is.
func (s *session) Describe() api.Description {
	d := api.Description{Account: s.account.Name, AppID: wxcast.AppID(s.account.AppID), MiniPrograms: []wxcast.AppID{}}
	for _, m := range s.account.MiniPrograms {
		d.MiniPrograms = append(d.MiniPrograms, wxcast.AppID(m.AppID))
	}
	return d
}
