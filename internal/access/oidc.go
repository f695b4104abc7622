package access

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// OIDC is an issuer that speaks OpenID Connect (authorization code with PKCE).
type OIDC struct {
	Client
	Issuer                 string // its URL
	NameClaim, GroupsClaim string

	asking   singleflight.Group
	provider atomic.Pointer[oidc.Provider] // once it was asked
}

// discover asks the issuer once where its doors are. Who asks meanwhile waits for the same answer, for as
// long as their request lives.
func (i *OIDC) discover(ctx context.Context) (*oidc.Provider, *oauth2.Config, error) {
	if i.provider.Load() == nil {
		asked := i.asking.DoChan("", func() (any, error) {
			// Its keys are asked for later, too: not in the context of this request.
			p, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx),
				&http.Client{Timeout: providerWithin}), i.Issuer)
			if err == nil {
				i.provider.Store(p)
			}
			return nil, err
		})
		select {
		case <-ctx.Done():
			return nil, nil, fmt.Errorf("ask the issuer: %w", ctx.Err())
		case answer := <-asked:
			if answer.Err != nil {
				return nil, nil, fmt.Errorf("ask the issuer: %w", answer.Err)
			}
		}
	}
	provider := i.provider.Load()
	return provider, &oauth2.Config{ClientID: i.ID, ClientSecret: i.Secret.Reveal(), RedirectURL: i.Redirect,
		Endpoint: provider.Endpoint(), Scopes: []string{oidc.ScopeOpenID, "profile", "email", "groups"}}, nil
}

// Begin implements Provider.
func (i *OIDC) Begin(ctx context.Context, _ string) (address string, j Journey, err error) {
	_, config, err := i.discover(ctx)
	if err != nil {
		return "", j, err
	}
	j = newJourney()
	return config.AuthCodeURL(j.State, oidc.Nonce(j.Nonce), oauth2.S256ChallengeOption(j.Verifier)), j, nil
}

// End implements Provider.
func (i *OIDC) End(ctx context.Context, j Journey, state, code string) (p Person, err error) {
	if err := j.check(state, code); err != nil {
		return p, err
	}
	provider, config, err := i.discover(ctx)
	if err != nil {
		return p, err
	}
	ctx = oidc.ClientContext(ctx, &http.Client{Timeout: providerWithin})
	token, err := config.Exchange(ctx, code, oauth2.VerifierOption(j.Verifier))
	if err != nil {
		var refused *oauth2.RetrieveError
		if errors.As(err, &refused) { // whose answer may hold anything
			return p, fmt.Errorf("the issuer refused the code: %s", refused.ErrorCode)
		}
		return p, fmt.Errorf("change the code: %w", err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := provider.Verifier(&oidc.Config{ClientID: i.ID}).Verify(ctx, raw)
	if err != nil {
		return p, fmt.Errorf("verify the issuer's word: %w", err)
	}
	if id.Nonce != j.Nonce {
		return p, errJourney
	}
	var claims map[string]any
	if err := id.Claims(&claims); err != nil {
		return p, fmt.Errorf("read the issuer's word: %w", err)
	}
	p.Subject = i.Issuer + " " + id.Subject
	name, _ := claims[i.NameClaim].(string)
	p.Name = strings.ToLower(name)
	switch groups := claims[i.GroupsClaim].(type) {
	case string:
		p.Groups = []string{groups}
	case []any:
		for _, g := range groups {
			if text, ok := g.(string); ok {
				p.Groups = append(p.Groups, text)
			}
		}
	}
	if !UserName.MatchString(p.Name) {
		return p, wxcast.NewError("user.no_name_claim", "claim", i.NameClaim)
	}
	return p, nil
}
