// Package access tells who may come in: keys of the HTTP API.
package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/wxcast/wxcast/internal/limit"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Store keeps keys: of each its hash.
type Store interface {
	Now() time.Time
	AddAPIKey(ctx context.Context, k wxcast.APIKey, text string) (added bool, err error)
	APIKey(ctx context.Context, text string) (_ wxcast.APIKey, found bool, err error)
	APIKeys(ctx context.Context, accountID int64) ([]wxcast.APIKey, error)
	RevokeAPIKey(ctx context.Context, accountID int64, name string) (bool, error)
}

// KeyName is what a key may be called: it stands in logs.
var KeyName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// keyPrefix lets people and scanners of leaks know a key by sight.
const keyPrefix = "wxk_"

// Keys are those of all accounts.
type Keys struct{ Store Store }

// Create makes a key and returns its text, which is not kept; added is false where the
// account has, or had, one with that name.
func (k *Keys) Create(ctx context.Context, key wxcast.APIKey) (text string, added bool, err error) {
	text = keyPrefix + rand.Text()
	added, err = k.Store.AddAPIKey(ctx, key, text)
	return text, added, err
}

// List lists an account's keys, the oldest first.
func (k *Keys) List(ctx context.Context, accountID int64) ([]wxcast.APIKey, error) {
	return k.Store.APIKeys(ctx, accountID)
}

// Revoke ends a key at once; false means that the account has no such key, or no more.
func (k *Keys) Revoke(ctx context.Context, accountID int64, name string) (bool, error) {
	return k.Store.RevokeAPIKey(ctx, accountID, name)
}

const (
	// callsOfKey are calls a second and at once of one key, and of one address without a
	// good key.
	callsOfKey, callBurstOfKey = 20, 100
	// oftenOfKey are those of calls that come one for each message.
	oftenOfKey, oftenBurstOfKey        = 5000, 10_000
	strangersCalls, strangersCallBurst = 1, 20
)

// Refusal is why somebody may not come in.
type Refusal int

// The refusals.
const (
	Admitted         Refusal = iota
	NoKey                    // none was shown
	WrongKey                 // it is not known, has expired, or was revoked
	NarrowKey                // it lacks the scope
	TooManyOfKey             // too many calls with it
	TooManyStrangers         // too many calls of this address without a good key
	StoreAway                // the store does not answer
)

// Guard admits who shows a key. It is safe for concurrent use.
type Guard struct {
	Keys
	// Opens tells whether there is such an account here.
	Opens func(accountID int64) bool

	// Refused is told of who was not let in; nil is told nothing.
	Refused func(ctx context.Context, why Refusal, address string)

	ofKey, often, strangers *limit.Each
	good                    goodKeys
	recent                  recentKeys
	firsts                  singleflight.Group // of keys that are not known to be good
}

// goodKeys are the hashes of keys that were good a while ago: who shows one is looked up
// whoever else comes from their address.
type goodKeys struct {
	mu sync.Mutex
	of map[[sha256.Size]byte]time.Time
}

const (
	goodFor  = 10 * time.Minute
	goodMost = 10_000
)

func (g *goodKeys) has(text string, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	at, ok := g.of[sha256.Sum256([]byte(text))]
	return ok && now.Sub(at) < goodFor
}

func (g *goodKeys) drop(text string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.of, sha256.Sum256([]byte(text)))
}

func (g *goodKeys) add(text string, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.of == nil || len(g.of) >= goodMost {
		g.of = map[[sha256.Size]byte]time.Time{}
	}
	g.of[sha256.Sum256([]byte(text))] = now
}

// recentKeys are the keys that were looked up within the last second.
type recentKeys struct {
	mu sync.Mutex
	of map[[sha256.Size]byte]recentKey
}

type recentKey struct {
	wxcast.APIKey
	at time.Time
}

// recentFor is how long a key that was good is taken to be good still.
const recentFor = time.Second

func (r *recentKeys) get(text string, now time.Time) (wxcast.APIKey, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k, ok := r.of[sha256.Sum256([]byte(text))]
	return k.APIKey, ok && now.Sub(k.at) < recentFor
}

func (r *recentKeys) put(text string, key wxcast.APIKey, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of == nil || len(r.of) >= goodMost {
		r.of = map[[sha256.Size]byte]recentKey{}
	}
	r.of[sha256.Sum256([]byte(text))] = recentKey{key, now}
}

// NewGuard makes a guard.
func NewGuard(store Store, opens func(accountID int64) bool) *Guard {
	return &Guard{
		Keys: Keys{store}, Opens: opens,
		ofKey: limit.New(callsOfKey, callBurstOfKey), often: limit.New(oftenOfKey, oftenBurstOfKey),
		strangers: limit.New(strangersCalls, strangersCallBurst),
	}
}

// Admit finds the key of who comes from an address and wants what a scope guards; text is
// "" where they show none. Often says that it is a call of which there may be thousands a
// second: a key that was good is not looked up again for a second. err says why the store did
// not answer.
func (g *Guard) Admit(ctx context.Context, text, address string, scope wxcast.Scope, often bool) (key wxcast.APIKey,
	why Refusal,
	err error) {
	if key, why, err = g.admit(ctx, text, address, scope, often); why != Admitted && g.Refused != nil {
		g.Refused(ctx, why, address)
	}
	return key, why, err
}

func (g *Guard) admit(ctx context.Context, text, address string, scope wxcast.Scope, often bool) (key wxcast.APIKey,
	why Refusal,
	err error) {
	now := time.Now()
	// Before the store is asked: who guesses is slowed down, and costs it nothing. Who has a
	// good key is kept waiting by nobody; a program that has just begun may show its key many
	// times at once, and is one stranger then.
	if !g.good.has(text, now) {
		type first struct {
			wxcast.APIKey
			Refusal
		}
		hash := sha256.Sum256([]byte(text))
		shared, err, _ := g.firsts.Do(address+" "+string(hash[:]), func() (any, error) {
			if !g.strangers.Allow(address, now) {
				return first{Refusal: TooManyStrangers}, nil
			}
			key, why, err := g.look(context.WithoutCancel(ctx), text, now)
			return first{key, why}, err
		})
		if one := shared.(first); one.Refusal != Admitted || err != nil {
			return one.APIKey, one.Refusal, err
		}
	}
	limits := g.ofKey
	if often {
		limits = g.often
		if key, ok := g.recent.get(text, now); ok && key.May(scope) && limits.Allow(strconv.FormatInt(key.ID, 10),
			now) {
			return key, Admitted, nil
		}
	}
	if key, why, err = g.look(ctx, text, now); why != Admitted {
		return key, why, err
	}
	switch {
	case !key.May(scope) && !g.ofKey.Allow(strconv.FormatInt(key.ID, 10), now): // each is noted
		return key, TooManyOfKey, nil
	case !key.May(scope):
		return key, NarrowKey, nil
	case !limits.Allow(strconv.FormatInt(key.ID, 10), now):
		return key, TooManyOfKey, nil
	}
	return key, Admitted, nil
}

// look looks a key up.
func (g *Guard) look(ctx context.Context, text string, now time.Time) (key wxcast.APIKey, why Refusal, err error) {
	if text == "" {
		return key, NoKey, nil
	}
	if !strings.HasPrefix(text, keyPrefix) || len(text) > keyMax {
		return key, WrongKey, nil
	}
	key, found, err := g.Store.APIKey(ctx, text)
	switch {
	case err != nil:
		return key, StoreAway, err
	case !found, !key.Good(g.Store.Now()), !g.Opens(key.AccountID):
		g.good.drop(text)
		return key, WrongKey, nil
	}
	g.good.add(text, now)
	g.recent.put(text, key, now)
	return key, Admitted, nil
}

// keyMax is longer than any key of ours.
const keyMax = 64

func (r Refusal) String() string {
	return [...]string{"admitted", "no key", "wrong key", "narrow key", "too many of key", "too many strangers",
		"store away"}[r]
}
