// Package callback hears what WeChat tells: it checks who tells it, keeps each event once,
// answers, and then applies the events to followers, deliveries and opt-outs.
package callback

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/wxcast/wxcast/internal/metrics"
	"github.com/wxcast/wxcast/internal/together"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Account is one official account whose callbacks are heard.
type Account struct {
	ID   int64
	Name string // as configured: the callback URL is /wechat/NAME
	Keys wechat.CallbackKeys
	// Channels are the facts of what it sends by: whose receipts come, and what they mean.
	Channels []wxcast.Channel
	// Source is asked about new followers; nil where the account cannot call WeChat.
	Source Source
	// Minis are its mini programs whose own callbacks are heard.
	Minis   []MiniProgram
	Passing Passing
}

// MiniProgram is one whose callbacks (消息推送) are heard: what its users allow.
type MiniProgram struct {
	ID      int64
	AppID   string // the callback URL is /wechat/NAME/APPID
	Keys    wechat.CallbackKeys
	Passing Passing
}

// Heard tells whether WeChat's callbacks for the account are taken.
func (a Account) Heard() bool { return hasToken(a.Keys) }

// Heard tells whether WeChat's callbacks for the mini program are taken.
func (m MiniProgram) Heard() bool { return hasToken(m.Keys) }

func hasToken(k wechat.CallbackKeys) bool { return k.Token != nil && k.Token.Reveal() != "" }

// door is where WeChat knocks: an account's, or one of its mini programs'.
type door struct {
	Account
	appID   int64 // the mini program's; 0 for the account
	keys    wechat.CallbackKeys
	passing Passing
	replays *replays
}

// Source tells who followers are.
type Source interface {
	BatchGetUsers(ctx context.Context, openids []wxcast.OpenID) ([]wxcast.Follower, wechat.DetailCalls, error)
}

// Store keeps what callbacks tell, and what follows from it.
type Store interface {
	Now() time.Time
	AddCallbacks(ctx context.Context, accountID int64, events []wxcast.CallbackEvent) (added int64, err error)
	AddRelays(ctx context.Context, accountID int64, relays []wxcast.Relay) error
	PendingCallbacks(ctx context.Context, accountID int64, limit int) ([]wxcast.CallbackEvent, error)
	DeferCallbacks(ctx context.Context, accountID int64, ids []int64, wait time.Duration) error
	SetCallbackAside(ctx context.Context, accountID, id int64, why string) error
	CallbacksApplied(ctx context.Context, accountID int64, ids []int64) error
	Follow(ctx context.Context, accountID int64, followers []wxcast.Follower, asked time.Time) error
	Unfollow(ctx context.Context, accountID int64, openids []wxcast.OpenID, asOf time.Time) (int64, error)
	RecordReceipts(ctx context.Context, accountID int64, channel wxcast.Channel, lane wxcast.Lane,
		receipts []wxcast.Receipt) error
	OpenWindows(ctx context.Context, accountID int64, windows []wxcast.Window) error
	RecordPermits(ctx context.Context, accountID, appID int64,
		reports []wxcast.PermitReport) ([]wxcast.PermitBalance, error)
	AddOptOuts(ctx context.Context, accountID int64, ids []string, source string) (added int64, unknown []string,
		err error)
	AddTesters(ctx context.Context, accountID int64, openids []wxcast.OpenID, source string) (added int64, err error)
	TryLock(ctx context.Context, name, holder string, ttl time.Duration) (bool, wxcast.LockHolder, error)
	Unlock(ctx context.Context, name, holder string) error
	RaiseNotice(ctx context.Context, accountID int64, n wxcast.Notice) error
	EndAlert(ctx context.Context, accountID int64, key string) error
}

// Options are what an intake needs.
type Options struct {
	Store    Store
	Accounts []Account
	Stop     StopWords
	Worker   string // unique to this process
	Metrics  *metrics.Metrics
	Log      *slog.Logger
}

// Intake takes callbacks in and applies them.
type Intake struct {
	Options
	queues   map[string]*queue // by the account's name
	accounts map[string]Account
	forged   map[string]*forged
	doors    map[string]door // by the path behind /wechat/
	lates    map[string]*together.Queue[wxcast.Relay, struct{}]
}

// New makes an intake. It does nothing before Run.
func New(o Options) *Intake {
	i := &Intake{Options: o, queues: map[string]*queue{}, accounts: map[string]Account{}, forged: map[string]*forged{},
		doors: map[string]door{}, lates: map[string]*together.Queue[wxcast.Relay, struct{}]{}}
	for _, a := range o.Accounts {
		i.accounts[a.Name], i.forged[a.Name] = a, &forged{}
		i.doors[a.Name] = door{a, 0, a.Keys, a.Passing, &replays{}}
		for _, m := range a.Minis {
			i.doors[a.Name+"/"+m.AppID] = door{a, m.ID, m.Keys, m.Passing, &replays{}}
		}
		i.queues[a.Name], i.lates[a.Name] = newQueue(o.Store, a.ID), newLates(o.Store, a.ID)
	}
	return i
}

// Run keeps and applies events until ctx ends.
func (i *Intake) Run(ctx context.Context) {
	var all sync.WaitGroup
	for name, q := range i.queues {
		all.Go(func() { q.Run(ctx) })
		all.Go(func() { i.lates[name].Run(ctx) })
		all.Go(func() { i.apply(ctx, i.accounts[name], q.news) })
	}
	all.Wait()
}

// Routes adds the doors that WeChat knocks at.
func (i *Intake) Routes(mux *http.ServeMux) {
	for _, path := range []string{"/wechat/{account}", "/wechat/{account}/{mini}"} {
		mux.HandleFunc("GET "+path, i.verify)
		mux.HandleFunc("POST "+path, i.take)
	}
}
