// Package report tells what happened on a Beijing day: quotas, followers, bridges
// and broadcasts. One file renders one format.
package report

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wxcast/wxcast/bridge"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Store is where a report takes its facts.
type Store interface {
	bridge.Store
	Now() time.Time
	FollowerCounts(ctx context.Context, accountID int64) (wxcast.FollowerCounts, error)
	FollowerGrowth(ctx context.Context, accountID int64, from, to time.Time) (gained, lost int64, err error)
	BroadcastsAtWork(ctx context.Context, accountID int64, from, to time.Time) ([]wxcast.Broadcast, error)
	Tally(ctx context.Context, ref wxcast.BroadcastRef) (wxcast.Tally, error)
	BroadcastChannels(ctx context.Context, ref wxcast.BroadcastRef) ([]wxcast.BroadcastChannel, error)
	CountAudience(ctx context.Context, accountID int64, audience wxcast.Audience) (wxcast.AudienceCount, error)
	QuotaDays(ctx context.Context, accountID int64, day wxcast.Day) ([]wxcast.QuotaDay, error)
	CountCallbacks(ctx context.Context, accountID int64, from, to time.Time) (map[string]int64, error)
	KeptReport(ctx context.Context, accountID int64, day wxcast.Day) (data string, err error)
	ReadQuota(ctx context.Context, lane wxcast.Lane, day wxcast.Day,
		ask func(ctx context.Context, api string) (wxcast.Quota, error)) (wxcast.Quota, error)
	Results(ctx context.Context, b wxcast.Broadcast, t wxcast.Tally) (wxcast.Results, error)
}

// QuotaReader asks WeChat for an API's quota.
type QuotaReader interface {
	GetQuota(ctx context.Context, api string) (wxcast.Quota, error)
}

// Report is one account's day.
type Report struct {
	Account   string     `json:"account"`
	Day       wxcast.Day `json:"day"`
	APIs      []API      `json:"apis"`
	Followers Followers  `json:"followers"`
	// Bridge is the coverage of the account's first mini program; Bridges are all,
	// where there are several.
	Bridge     Bridge      `json:"bridge"`
	Bridges    []Bridge    `json:"bridges,omitempty"`
	Broadcasts []Broadcast `json:"broadcasts"`
	// Events counts what WeChat told by callbacks on the day, by kind; housekeeping
	// removes events after 7 days.
	Events map[string]int64 `json:"events"`
	// Plan is what comes next; absent in reports of days that are long over.
	Plan *Plan `json:"plan,omitempty"`
}

// API is one API's quota of the day.
type API struct {
	API    string `json:"api"`
	Limit  int64  `json:"limit"` // 0 when WeChat gave no information
	Used   int64  `json:"used"`
	Remain int64  `json:"remain"`
	Ours   int64  `json:"ours"` // of Used, what wxcast called
	Others int64  `json:"others"`
}

// Followers counts the account's followers now, and who came and left on the day.
type Followers struct {
	wxcast.FollowerCounts
	Gained int64 `json:"gained"`
	Lost   int64 `json:"lost"`
}

// Bridge is the coverage of one mini program.
type Bridge struct {
	MiniAppID wxcast.AppID `json:"mini_appid"`
	bridge.Coverage
}

// Broadcast is one broadcast's deliveries as they stand.
type Broadcast struct {
	ID         int64                 `json:"id"`
	Name       string                `json:"name"`
	State      wxcast.BroadcastState `json:"state"`
	Reason     string                `json:"reason,omitempty"`
	ResumeAt   *time.Time            `json:"resume_at,omitempty"`
	Recipients int64                 `json:"recipients"`
	Sent       int64                 `json:"sent"`
	Failed     int64                 `json:"failed"`
	Skipped    int64                 `json:"skipped"`
	Unknown    int64                 `json:"unknown"`
	Pending    int64                 `json:"pending"`
	// Delivered and Undelivered are what receipts said of the sent ones so far; without
	// callbacks there are none.
	Delivered   int64 `json:"delivered"`
	Undelivered int64 `json:"undelivered"`
	// ByErrCode counts the failed, skipped and unknown deliveries by WeChat's
	// errcode; "no answer" stands for calls that got none.
	ByErrCode map[string]int64 `json:"by_errcode"`
	// ByChannel is what became of people by each channel, in its order: who fell through one was
	// taken over by the next.
	ByChannel map[string]Channel `json:"by_channel,omitempty"`
	Seconds   float64            `json:"seconds"`
	// Results are what the messages brought about; nil where that is not counted.
	Results *Results `json:"results,omitempty"`

	why      wxcast.Sentence // the reason, to be said in a reader's language
	channels []string        // in their order
}

// Channel is what became of a broadcast's people by one of its channels.
type Channel struct {
	Recipients  int64 `json:"recipients"` // whom it tried to reach
	Sent        int64 `json:"sent"`
	Failed      int64 `json:"failed"`
	Skipped     int64 `json:"skipped"`
	Unknown     int64 `json:"unknown"`
	Pending     int64 `json:"pending"`
	FellThrough int64 `json:"fell_through"`
	Delivered   int64 `json:"delivered"`
	Undelivered int64 `json:"undelivered"`
	// Why counts those who fell through by the reason, as by_errcode does.
	Why map[string]int64 `json:"why"`
	// State is not running where the channel has stopped and others go on, and Reason why.
	State  wxcast.BroadcastState `json:"state"`
	Reason string                `json:"reason,omitempty"`

	why wxcast.Sentence
}

// Account is what a report is about.
type Account struct {
	Name  string
	ID    int64
	Minis []Mini
	// QuotaKeep is how many messages a day are left to others.
	QuotaKeep int64
	// SendAPI is the path whose quota its messages take.
	SendAPI string
}

// watched are the APIs whose quota wxcast lives on, what sends first.
func (a Account) watched() []string {
	return []string{a.SendAPI, wechat.UserGetAPI, wechat.BatchGetAPI}
}

// Mini is one of the account's mini programs.
type Mini struct {
	AppID wxcast.AppID
	ID    int64
}

// Maker makes the reports of an account.
type Maker struct {
	Store   Store
	Quotas  QuotaReader // nil where WeChat cannot be asked
	Account Account
	Log     *slog.Logger
}

// Make writes the report of a day. For today it asks WeChat for the quotas first.
func (m Maker) Make(ctx context.Context, day wxcast.Day) (Report, error) {
	store, account := m.Store, m.Account
	if r, found, err := kept(ctx, store, account.ID, day); err != nil || found {
		r.Broadcasts = []Broadcast{}
		return r, errors.Join(err, r.addBroadcasts(ctx, store, account.ID)) // receipts may have come since
	}
	r := Report{Account: account.Name, Day: day, APIs: []API{}, Broadcasts: []Broadcast{}}
	told := map[string]wxcast.Quota{}
	today := wxcast.DayOf(store.Now())
	if m.Quotas != nil && day == today {
		var err error
		if told, err = m.readQuotas(ctx, day); err != nil {
			return r, err
		}
	}
	err := errors.Join(
		r.addQuotas(ctx, store, account, told),
		r.addFollowers(ctx, store, account.ID),
		r.addBridges(ctx, store, account),
		r.addBroadcasts(ctx, store, account.ID),
		r.addEvents(ctx, store, account.ID),
	)
	if err == nil && (day == today || day.Next() == today) {
		err = r.addPlan(ctx, store, account, told)
	}
	return r, err
}

func (r *Report) addEvents(ctx context.Context, store Store, accountID int64) (err error) {
	r.Events, err = store.CountCallbacks(ctx, accountID, r.Day.Begin(), r.Day.Next().Begin())
	return err
}

// readQuotas asks WeChat for today's quotas and stores them.
func (m Maker) readQuotas(ctx context.Context, day wxcast.Day) (map[string]wxcast.Quota, error) {
	told := map[string]wxcast.Quota{}
	for _, api := range m.Account.watched() {
		var untold error
		q, err := m.Store.ReadQuota(ctx, wxcast.Lane{AppID: m.Account.ID, API: api}, day,
			func(ctx context.Context, api string) (q wxcast.Quota, err error) {
				q, untold = m.Quotas.GetQuota(ctx, api)
				return q, untold
			})
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case untold != nil:
			m.Log.WarnContext(ctx, "WeChat did not tell a quota", "api", api, "err", untold)
		case err != nil:
			return nil, err
		default:
			told[api] = q
		}
	}
	return told, nil
}

// addQuotas shows what WeChat has just told; what it was not asked for is shown as
// the larger of its last word and our reservations.
func (r *Report) addQuotas(ctx context.Context, store Store, account Account, told map[string]wxcast.Quota) error {
	days, err := store.QuotaDays(ctx, account.ID, r.Day)
	if err != nil {
		return err
	}
	watched := account.watched()
	place := func(d wxcast.QuotaDay) int { // the watched ones first
		if i := slices.Index(watched, d.API); i >= 0 {
			return i
		}
		return len(watched)
	}
	slices.SortStableFunc(days, func(a, b wxcast.QuotaDay) int { return place(a) - place(b) })
	for _, d := range days {
		if q, ok := told[d.API]; ok {
			d.Used = q.Used
		}
		d.Used = max(d.Used, d.Ours) // its counter lags behind, or it was not asked
		r.APIs = append(r.APIs, API{API: d.API, Limit: d.Limit, Used: d.Used, Remain: max(0, d.Limit-d.Used),
			Ours: d.Ours, Others: max(0, d.Used-d.Ours)})
	}
	return nil
}

func (r *Report) addFollowers(ctx context.Context, store Store, accountID int64) (err error) {
	if r.Followers.FollowerCounts, err = store.FollowerCounts(ctx, accountID); err != nil {
		return err
	}
	r.Followers.Gained, r.Followers.Lost, err = store.FollowerGrowth(ctx, accountID, r.Day.Begin(),
		r.Day.Next().Begin())
	return err
}

func (r *Report) addBridges(ctx context.Context, store Store, account Account) error {
	for i, mini := range account.Minis {
		coverage, err := bridge.Cover(ctx, store, account.ID, mini.ID)
		if err != nil {
			return err
		}
		b := Bridge{MiniAppID: mini.AppID, Coverage: coverage}
		if i == 0 {
			r.Bridge = b
		}
		if len(account.Minis) > 1 {
			r.Bridges = append(r.Bridges, b)
		}
	}
	return nil
}

func (r *Report) addBroadcasts(ctx context.Context, store Store, accountID int64) error {
	all, err := store.BroadcastsAtWork(ctx, accountID, r.Day.Begin(), r.Day.Next().Begin())
	if err != nil {
		return err
	}
	for _, b := range all {
		one, err := OfBroadcast(ctx, store, b)
		if err != nil {
			return err
		}
		r.Broadcasts = append(r.Broadcasts, one)
	}
	return nil
}

// Why says the reason in a language; a report that was kept has it in English.
func (b Broadcast) Why(lang text.Lang) string {
	if b.why.IsZero() {
		return b.Reason
	}
	return lang.Say(b.why)
}

// OfBroadcast is one broadcast's part of a report, as "broadcast run" and
// "broadcast status" show it, too.
func OfBroadcast(ctx context.Context, store interface {
	Now() time.Time
	Tally(ctx context.Context, ref wxcast.BroadcastRef) (wxcast.Tally, error)
	BroadcastChannels(ctx context.Context, ref wxcast.BroadcastRef) ([]wxcast.BroadcastChannel, error)
	Results(ctx context.Context, b wxcast.Broadcast, t wxcast.Tally) (wxcast.Results, error)
}, b wxcast.Broadcast) (Broadcast, error) {
	if b.Kept == nil {
		t, err := store.Tally(ctx, b.Ref())
		if err != nil {
			return Broadcast{}, err
		}
		b.Kept = &t
	}
	t := b.Kept
	out := Broadcast{
		ID: b.ID, Name: b.Name, State: b.State, Reason: text.English.Say(b.Reason), why: b.Reason,
		Recipients: t.Recipients, Sent: t.Sent, Failed: t.Failed, Skipped: t.Skipped, Unknown: t.Unknown,
		Pending: t.Pending, Delivered: t.Delivered, Undelivered: t.Undelivered,
		ByErrCode: make(map[string]int64, len(t.ByErrCode)),
	}
	for code, n := range t.ByErrCode {
		out.ByErrCode[CodeName(code)] += n
	}
	channels, err := store.BroadcastChannels(ctx, b.Ref())
	if err != nil {
		return out, err
	}
	out.addChannels(channels, *t)
	if b.Audience.Track || b.Audience.Holdout > 0 {
		r, err := store.Results(ctx, b, *t)
		if err != nil {
			return out, err
		}
		out.Results = newResults(r, b.Audience)
	}
	if !b.ResumeAt.IsZero() {
		out.ResumeAt = &b.ResumeAt
	}
	if !b.StartedAt.IsZero() {
		end := b.FinishedAt
		if end.IsZero() {
			end = store.Now()
		}
		out.Seconds = end.Sub(b.StartedAt).Seconds()
	}
	return out, nil
}

// addChannels shows each channel's part, in their order.
func (b *Broadcast) addChannels(channels []wxcast.BroadcastChannel, t wxcast.Tally) {
	b.ByChannel, b.channels = map[string]Channel{}, nil
	for _, c := range channels {
		n := t.Of(c.Name)
		one := Channel{Recipients: n.Recipients, Sent: n.Sent, Failed: n.Failed, Skipped: n.Skipped,
			Unknown: n.Unknown, Pending: n.Pending, FellThrough: n.FellThrough, Delivered: n.Delivered,
			Undelivered: n.Undelivered, Why: map[string]int64{}, State: c.State}
		for code, n := range n.FellThroughBy {
			one.Why[CodeName(code)] += n
		}
		if !c.Reason.IsZero() {
			one.Reason, one.why = text.English.Say(c.Reason), c.Reason
		}
		b.ByChannel[c.Name] = one
		b.channels = append(b.channels, c.Name)
	}
}

// Channels are the names of the broadcast's channels in their order; of a report that was kept,
// by their names.
func (b Broadcast) Channels() []string {
	if b.channels != nil {
		return b.channels
	}
	return slices.Sorted(maps.Keys(b.ByChannel))
}

// CodeName is an errcode as reports show it.
func CodeName(code int) string {
	switch code {
	case wxcast.ErrCodeUnfollowed:
		return "no longer follows"
	case wxcast.ErrCodeOptedOut:
		return "opted out"
	case wxcast.ErrCodeCapped:
		return "frequency cap"
	case wxcast.ErrCodeBadValue:
		return "bad value"
	case wxcast.ErrCodeBlocked:
		return "blocked"
	case wxcast.ErrCodeExcluded:
		return "excluded"
	case wxcast.ErrCodeNoPermit:
		return "no permit"
	case wxcast.ErrCodeNoWindow:
		return "no window"
	case wxcast.ErrCodeExpired:
		return "expired"
	case wxcast.ErrCodeRevoked:
		return "cancelled"
	case wxcast.ErrCodeHeldOut:
		return "held out"
	case wxcast.ErrCodeTransport:
		return "no answer"
	case 0:
		return "not sent"
	}
	return strconv.Itoa(code)
}

// CodeSentence says a name of CodeName; WeChat's errcodes are said as they are.
func CodeSentence(name string) wxcast.Sentence {
	code := "errcode." + strings.ReplaceAll(name, " ", "_")
	switch name {
	case "no longer follows", "opted out", "frequency cap", "bad value", "blocked", "excluded", "no permit", "no window",
		"expired", "cancelled", "held out", "no answer", "not sent":
		return wxcast.Say(code)
	}
	return wxcast.Verbatim(name)
}

// bridges are the coverages of all mini programs, however many there are.
func (r Report) bridges() []Bridge {
	if len(r.Bridges) == 0 && r.Bridge.MiniAppID != "" {
		return []Bridge{r.Bridge}
	}
	return r.Bridges
}
