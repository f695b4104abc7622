package access

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// Provider is the company's own sign-in: it vouches for who somebody is. It is safe for
// concurrent use.
type Provider interface {
	// Begin is where a browser goes to sign in; agent is what it calls itself.
	Begin(ctx context.Context, agent string) (address string, j Journey, err error)
	// End is who came back, with what the provider led the browser back with.
	End(ctx context.Context, j Journey, state, code string) (Person, error)
}

// Client is what a provider knows wxcast by.
type Client struct {
	ID       string
	Secret   interface{ Reveal() string }
	Redirect string // where it leads back to
}

// Journey is a sign-in on its way to the provider and back: the browser keeps it meanwhile.
type Journey struct{ State, Nonce, Verifier string }

// Person is who the provider says somebody is.
type Person struct {
	Subject string // the provider's own name for them, which never changes
	Name    string
	Groups  []string
}

// providerWithin is how long a provider may take for one answer.
const providerWithin = 10 * time.Second

// errJourney: what came back is not of the journey that this browser began.
var errJourney = errors.New("the provider's answer is not of this sign-in")

func newJourney() Journey {
	return Journey{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier()}
}

// check tells whether what came back is of this journey.
func (j Journey) check(state, code string) error {
	if j.State == "" || state != j.State || code == "" {
		return errJourney
	}
	return nil
}

// The groups of 企业微信 and 飞书: everybody to whom the application is shown, one person, and who
// is in a department directly.
const (
	groupEverybody  = "everybody"
	groupUser       = "user:"
	groupDepartment = "department:"
)

// NamesDepartment tells whether departments are among groups.
func NamesDepartment(groups []string) bool {
	return slices.ContainsFunc(groups, func(g string) bool { return strings.HasPrefix(g, groupDepartment) })
}

// named is a person by what a provider calls them.
func named(subject, name string, groups ...string) (Person, error) {
	p := Person{Subject: subject, Name: strings.ToLower(name), Groups: groups}
	if !UserName.MatchString(p.Name) {
		return p, wxcast.NewError("user.unusable_name", "name", p.Name)
	}
	return p, nil
}

// bytesOfAnAnswer bound what a provider can make wxcast read.
const bytesOfAnAnswer = 1 << 20

// toProviders goes where it is told and nowhere else: what it sends holds secrets.
var toProviders = &http.Client{Timeout: providerWithin, CheckRedirect: func(*http.Request, []*http.Request) error {
	return http.ErrUseLastResponse
}}

// ask calls a provider's API and reads the JSON that it answers. Its errors hold neither the
// address, whose query may hold secrets, nor the body.
func ask(r *http.Request, answer any) error {
	resp, err := toProviders.Do(r)
	if err != nil {
		if failed := (*url.Error)(nil); errors.As(err, &failed) {
			err = failed.Err
		}
		return fmt.Errorf("ask %s: %w", r.URL.Host, err)
	}
	defer func() { _ = resp.Body.Close() }() // nothing is lost with it
	// A refusal has a code in the body, which says more than the status.
	if json.NewDecoder(io.LimitReader(resp.Body, bytesOfAnAnswer)).Decode(answer) != nil {
		return fmt.Errorf("ask %s: HTTP %d without an answer in JSON", r.URL.Host, resp.StatusCode)
	}
	return nil
}

// refusal is a code by which a provider refuses, with its words.
func refusal(what string, code int, words string) error {
	if code == 0 {
		return nil
	}
	if len(words) > 200 {
		words = strings.ToValidUTF8(words[:200], "")
	}
	return fmt.Errorf("%s: refused with %d: %s", what, code, words)
}

// Begin begins a session of a user whom somebody else vouches for.
func (s *Users) Begin(ctx context.Context, u wxcast.User, address, agent string) (token string, err error) {
	return s.begin(ctx, u, Proof{Address: address, Agent: agent})
}
