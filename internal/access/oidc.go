package access

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// Issuer is the company's own sign-in, by OpenID Connect (authorization code with PKCE). It is
// safe for concurrent use.
type Issuer struct {
	URL, ClientID          string
	ClientSecret           interface{ Reveal() string }
	Redirect               string // where the issuer leads back to
	NameClaim, GroupsClaim string

	mu       sync.Mutex
	provider *oidc.Provider // once it was asked
}

// issuerWithin is how long the issuer may take.
const issuerWithin = 10 * time.Second

// Journey is a sign-in on its way to the issuer and back: the browser keeps it meanwhile.
type Journey struct{ State, Nonce, Verifier string }

// Person is who the issuer says somebody is.
type Person struct {
	Subject string // the issuer's own name for them, which never changes
	Name    string
	Groups  []string
}

// discover asks the issuer once where its doors are.
func (i *Issuer) discover(ctx context.Context) (*oidc.Provider, *oauth2.Config, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.provider == nil {
		// Its keys are asked for later, too: not in the context of this request.
		p, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), &http.Client{Timeout: issuerWithin}),
			i.URL)
		if err != nil {
			return nil, nil, err
		}
		i.provider = p
	}
	return i.provider, &oauth2.Config{ClientID: i.ClientID, ClientSecret: i.ClientSecret.Reveal(),
		RedirectURL: i.Redirect,
		Endpoint:    i.provider.Endpoint(), Scopes: []string{oidc.ScopeOpenID, "profile", "email", "groups"}}, nil
}

// Begin is where the browser goes to sign in.
func (i *Issuer) Begin(ctx context.Context) (address string, j Journey, err error) {
	_, config, err := i.discover(ctx)
	if err != nil {
		return "", j, fmt.Errorf("ask the issuer: %w", err)
	}
	j = Journey{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier()}
	return config.AuthCodeURL(j.State, oidc.Nonce(j.Nonce), oauth2.S256ChallengeOption(j.Verifier)), j, nil
}

// errJourney: what came back is not of the journey that this browser began.
var errJourney = errors.New("the issuer's answer is not of this sign-in")

// End is who came back from the issuer.
func (i *Issuer) End(ctx context.Context, j Journey, state, code string) (p Person, err error) {
	if j.State == "" || state != j.State || code == "" {
		return p, errJourney
	}
	provider, config, err := i.discover(ctx)
	if err != nil {
		return p, fmt.Errorf("ask the issuer: %w", err)
	}
	ctx = oidc.ClientContext(ctx, &http.Client{Timeout: issuerWithin})
	token, err := config.Exchange(ctx, code, oauth2.VerifierOption(j.Verifier))
	if err != nil {
		var refused *oauth2.RetrieveError
		if errors.As(err, &refused) { // whose answer may hold anything
			return p, fmt.Errorf("the issuer refused the code: %s", refused.ErrorCode)
		}
		return p, fmt.Errorf("change the code: %w", err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := provider.Verifier(&oidc.Config{ClientID: i.ClientID}).Verify(ctx, raw)
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
	p.Subject = i.URL + " " + id.Subject
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

// Begin begins a session of a user whom somebody else vouches for.
func (s *Users) Begin(ctx context.Context, u wxcast.User, address, agent string) (token string, err error) {
	return s.begin(ctx, u, Proof{Address: address, Agent: agent})
}
