package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// AccessToken is the account's, as WeChat's own answer has it.
type AccessToken struct {
	AccessToken string `json:"access_token"`
	ExpiresIn   int    `json:"expires_in"` // seconds
}

func (a *API) addToken() {
	get := audited(operation("get-access-token", http.MethodGet, "/access-token", "The account's access token", wxcast.ScopeToken))
	get.Description = "For the company's other systems: who gets it here overwrites nobody's. Ask before each use or keep it for expires_in seconds."
	register(a, get, func(ctx context.Context, account Account, _ *struct{}) (AccessToken, error) {
		return a.accessToken(ctx, account, "")
	})
	type refused struct {
		Body struct {
			Refused string `json:"refused" minLength:"1" maxLength:"1024" doc:"the token that WeChat refused"`
		}
	}
	post := audited(operation("replace-access-token", http.MethodPost, "/access-token", "Another access token, after WeChat refused one with 40001, 40014 or 42001", wxcast.ScopeToken))
	post.Description = "A token that is not the current one any more is answered with the current one; WeChat is asked at most once."
	register(a, post, func(ctx context.Context, account Account, in *refused) (AccessToken, error) {
		return a.accessToken(ctx, account, in.Body.Refused)
	})
}

func (a *API) accessToken(ctx context.Context, account Account, refused string) (AccessToken, error) {
	if !a.tokens.Allow(account.Describe().Account, time.Now()) {
		return AccessToken{}, errTooMany
	}
	return account.AccessToken(ctx, refused)
}

var errTooMany = huma.NewError(http.StatusTooManyRequests, "the token is asked for too often: keep it for expires_in seconds")
