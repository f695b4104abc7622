package webhook

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	// relaysRead are the callbacks that are read at a time, and relaysAtOnce those of different
	// people that are passed on at the same time.
	relaysRead, relaysAtOnce = 500, 64
	// relayLook is how often it is looked whether there are some.
	relayLook = 200 * time.Millisecond
	// givenUpKey ends the key of the alert that callbacks were given up.
	givenUpKey = ":given_up"
)

// RelayStore keeps callbacks until they are passed on.
type RelayStore interface {
	LineStore
	Relays(ctx context.Context, accountID int64, to string, limit int) ([]wxcast.Relay, error)
	DropRelays(ctx context.Context, accountID int64, ids []int64) error
	PutOffRelays(ctx context.Context, accountID int64, ids []int64, until time.Time) error
}

// Relay passes WeChat's callbacks on to one of the company's systems, as they came, at least
// once; those of one person in their order.
type Relay struct {
	Line
	Store  RelayStore
	Client *http.Client
	URL    string // may hold a key
}

// NewRelayClient makes the client that passes callbacks on to the company's own systems,
// wherever these are.
func NewRelayClient() *http.Client {
	client := NewClient(true)
	client.Transport.(*http.Transport).MaxIdleConnsPerHost = 256
	return client
}

// Run passes callbacks on until ctx ends.
func (r *Relay) Run(ctx context.Context) {
	r.Line.Store = r.Store
	r.run(ctx, r.turn)
}

func (r *Relay) turn(ctx context.Context) (time.Duration, error) {
	some, err := r.Store.Relays(ctx, r.AccountID, r.Name, relaysRead)
	if err != nil || len(some) == 0 {
		return relayLook, err
	}
	if ours, err := r.hold(ctx); err != nil || !ours {
		return 4 * lookEvery, err
	}
	hook, rest, err := r.ready(ctx)
	if err != nil || rest > 0 {
		return rest, err
	}
	// As they are now: until the lock was ours another process may have passed them on.
	if some, err = r.Store.Relays(ctx, r.AccountID, r.Name, relaysRead); err != nil {
		return 0, err
	}
	p := r.passOn(ctx, some)
	noting, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteWithin)
	defer cancel()
	if len(p.done) > 0 {
		if err := r.Store.DropRelays(noting, r.AccountID, p.done); err != nil {
			return 0, err
		}
	}
	switch {
	case ctx.Err() != nil:
		return 0, nil
	case p.silent != nil:
		return 0, r.failed(ctx, hook, hook, p.silent)
	case len(p.done) == 0 && len(p.refused) > 1: // it is not the one callback
		return 0, r.failed(ctx, hook, hook, p.why)
	}
	if err := errors.Join(r.putOff(noting, p), r.endLoss(noting, givenUpKey)); err != nil {
		return 0, err
	}
	if hook.Tries > 0 && len(p.done) > 0 {
		return 0, r.move(ctx, hook, wxcast.Webhook{Name: hook.Name, Seq: hook.Seq, TakenAt: r.Store.Now()})
	}
	return 0, nil
}

// putOff puts off callbacks that were refused while others were taken, and gives up those that
// were refused for too long: people are told.
func (r *Relay) putOff(ctx context.Context, p passed) error {
	var given []int64
	later := map[time.Duration][]int64{}
	for _, one := range p.refused {
		if r.Store.Now().Sub(one.ReceivedAt) >= SetAsideAfter {
			given = append(given, one.ID)
			continue
		}
		wait := min(backOffFirst<<min(one.Tries, 16), backOffLast)
		later[wait] = append(later[wait], one.ID)
	}
	for wait, ids := range later {
		if err := r.Store.PutOffRelays(ctx, r.AccountID, ids, r.Store.Now().Add(wait)); err != nil {
			return err
		}
	}
	if len(given) == 0 {
		return nil
	}
	if err := r.raise(ctx, r.alertKey()+givenUpKey, "alert.relay_given_up", "webhook", r.Name, "n", len(given), "why",
		p.why); err != nil {
		return err
	}
	return r.Store.DropRelays(ctx, r.AccountID, given)
}

// passed is what became of callbacks that were passed on.
type passed struct {
	done    []int64
	refused []wxcast.Relay // each person's first that was
	why     error          // one of the refusals
	silent  error          // the system does not answer
}

// passOn passes callbacks on while this process is the only one that does. What follows one of
// the same person that is not taken waits.
func (r *Relay) passOn(ctx context.Context, some []wxcast.Relay) (p passed) {
	var order []wxcast.OpenID
	of := map[wxcast.OpenID][]wxcast.Relay{}
	for _, one := range some {
		if of[one.OpenID] == nil {
			order = append(order, one.OpenID)
		}
		of[one.OpenID] = append(of[one.OpenID], one)
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	slots := make(chan struct{}, relaysAtOnce)
	goesOn := func() bool {
		mu.Lock()
		defer mu.Unlock()
		return p.silent == nil && ctx.Err() == nil && time.Until(r.holds) > postWithin
	}
	for _, person := range order {
		slots <- struct{}{}
		if !goesOn() {
			break
		}
		all.Go(func() {
			defer func() { <-slots }()
			for _, one := range of[person] {
				if !goesOn() {
					return
				}
				_, err := PassOn(ctx, r.Client, r.URL, one)
				mu.Lock()
				var refused *refusedError
				switch {
				case err == nil:
					p.done = append(p.done, one.ID)
				case errors.As(err, &refused):
					p.refused, p.why = append(p.refused, one), err
				default:
					p.silent = err
				}
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	all.Wait()
	return p
}

// PassOn posts a callback as it came, with WeChat's signature, and returns the answer. Its error
// never holds the address, which may hold a key.
func PassOn(ctx context.Context, client *http.Client, to string, what wxcast.Relay) (Answer, error) {
	address, err := withQuery(to, what.Query)
	if err != nil {
		return Answer{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(what.Body))
	if err != nil {
		return Answer{}, errors.New("its address is none")
	}
	if what.ContentType != "" {
		req.Header.Set("Content-Type", what.ContentType)
	}
	return ask(client, req)
}

// withQuery is an address with WeChat's query behind its own.
func withQuery(to, query string) (string, error) {
	u, err := url.Parse(to)
	if err != nil {
		return "", errors.New("its address is none")
	}
	if u.RawQuery != "" && query != "" {
		query = u.RawQuery + "&" + query
	}
	u.RawQuery = query
	return u.String(), nil
}
