package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
)

// problem is an error as a caller sees it, in their language.
func (a *API) problem(ctx context.Context, err error) error {
	var ours huma.StatusError
	if errors.As(err, &ours) {
		return err
	}
	lang, status := langOf(ctx), statusOf(ctx, err)
	switch status {
	case http.StatusInternalServerError:
		a.Log.ErrorContext(ctx, "a call failed", "err", err)
		return huma.NewError(status, lang.T("api.failed"))
	case http.StatusServiceUnavailable:
		return huma.NewError(status, lang.T("api.store_away"))
	case statusGone:
		return huma.NewError(status, "the caller is gone")
	}
	said := lang.Error(err, text.API, nil)
	if advice := account.Advice(err); !advice.IsZero() {
		said += ". " + lang.Say(advice)
	}
	return huma.NewError(status, said)
}

// statusOf is the one place where errors become HTTP statuses.
func statusOf(ctx context.Context, err error) int {
	var (
		notFound *account.NotFound
		conflict *account.Conflict
		gone     *account.Gone
		bad      *wxcast.BadInput
		badConf  *config.Error
		refused  *wechat.Error
	)
	switch {
	case errors.As(err, &notFound):
		return http.StatusNotFound
	case errors.As(err, &conflict):
		return http.StatusConflict
	case errors.As(err, &gone):
		return http.StatusGone
	case errors.As(err, &bad):
		return http.StatusUnprocessableEntity
	case ctx.Err() != nil:
		return statusGone
	case errors.Is(err, store.ErrUnreachable):
		return http.StatusServiceUnavailable
	case errors.As(err, &badConf):
		return http.StatusConflict
	case errors.As(err, &refused):
		return http.StatusBadGateway
	}
	return http.StatusInternalServerError
}

// statusGone is what proxies log for a caller that did not wait for the answer.
const statusGone = 499
