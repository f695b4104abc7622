package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// NotFound says that there is no such thing.
type NotFound string

func (e NotFound) Error() string { return string(e) }

// Conflict says that a thing's state does not allow what was asked for.
type Conflict string

func (e Conflict) Error() string { return string(e) }

// problem is an error as a caller sees it.
func (a *API) problem(ctx context.Context, err error) error {
	var (
		notFound NotFound
		conflict Conflict
		bad      *wxcast.BadInput
		ours     huma.StatusError
	)
	switch {
	case errors.As(err, &ours):
		return err
	case errors.As(err, &notFound):
		return huma.Error404NotFound(notFound.Error())
	case errors.As(err, &conflict):
		return huma.Error409Conflict(conflict.Error())
	case errors.As(err, &bad):
		return huma.Error422UnprocessableEntity(err.Error())
	case ctx.Err() != nil:
		return huma.NewError(statusGone, "the caller is gone")
	}
	status, text := a.Status(err)
	if status == http.StatusInternalServerError {
		a.Log.ErrorContext(ctx, "a call failed", "err", err)
		text = "it failed; the log of wxcast serve says why"
	}
	return huma.NewError(status, text)
}

// statusGone is what proxies log for a caller that did not wait for the answer.
const statusGone = 499
