package account

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
)

// Person is everything that is kept of one person.
type Person struct {
	Followers []Follower `json:"followers"`
	MiniUsers []MiniUser `json:"mini_users"`
	Messages  []Delivery `json:"deliveries"`
	// Hints are receipts of which nobody can tell what message they are about: they change no
	// state.
	Hints []ReceiptHint `json:"receipt_hints,omitempty"`
	// What else is kept: opt-outs, rows of lists, what WeChat told in the last days, templates
	// that they refused.
	OptOuts []wxcast.OptOut `json:"optouts,omitempty"`
	Listed  []Listed        `json:"listed,omitempty"`
	// TesterSince is since when tests are sent to them.
	TesterSince *time.Time      `json:"tester_since,omitempty"`
	Told        []Told          `json:"events,omitempty"`
	Refused     []Refused       `json:"refused,omitempty"`
	Permits     []wxcast.Permit `json:"permits,omitempty"` // what they allowed
	// Windows are those in which customer-service messages to them are, or were, allowed.
	Windows []wxcast.Window `json:"windows,omitempty"`
}

// ReceiptHint is a receipt that names no message of ours.
type ReceiptHint struct {
	OpenID string    `json:"openid"`
	MsgID  string    `json:"msgid"` // "" where WeChat gave none
	Status string    `json:"status"`
	At     time.Time `json:"at"`
}

// Follower is a follower as it is shown. Times are UTC.
type Follower struct {
	OpenID        string     `json:"openid"`
	UnionID       string     `json:"unionid"`
	MiniOpenID    string     `json:"mini_openid,omitempty"`
	Subscribed    bool       `json:"subscribed"`
	SubscribeTime *time.Time `json:"subscribe_time"`
	Scene         string     `json:"subscribe_scene"`
	Remark        string     `json:"remark"`
	Tags          []int      `json:"tags"`
	FirstSeenAt   time.Time  `json:"first_seen_at"`
	DetailsAt     time.Time  `json:"details_at"`
	UnfollowedAt  *time.Time `json:"unfollowed_at"`
	RefollowedAt  *time.Time `json:"refollowed_at"`
}

// NewFollower shows a follower.
func NewFollower(f wxcast.FollowerRecord) Follower {
	tags := f.Tags
	if tags == nil {
		tags = []int{}
	}
	return Follower{
		OpenID: string(f.OpenID), UnionID: string(f.UnionID), MiniOpenID: string(f.MiniOpenID),
		Subscribed:    f.Subscribed,
		SubscribeTime: TimeOrNull(f.SubscribeTime), Scene: f.Scene, Remark: f.Remark, Tags: tags,
		FirstSeenAt: f.FirstSeenAt, DetailsAt: f.DetailsAt, UnfollowedAt: TimeOrNull(f.UnfollowedAt),
		RefollowedAt: TimeOrNull(f.RefollowedAt),
	}
}

// MiniUser is a user of a mini program as it is shown.
type MiniUser struct {
	MiniAppID  string    `json:"mini_appid"`
	MiniOpenID string    `json:"mini_openid"`
	UnionID    string    `json:"unionid"`
	Bridged    bool      `json:"bridged"`
	CreatedAt  time.Time `json:"created_at"`
	UpdatedAt  time.Time `json:"updated_at"`
}

// Delivery is a message to a person as it is shown.
type Delivery struct {
	BroadcastID int64  `json:"broadcast_id"`
	Broadcast   string `json:"broadcast"`
	MessageID   int64  `json:"message_id,omitempty"` // of a single message
	OpenID      string `json:"openid"`               // "" of a mini user who follows nothing
	MiniOpenID  string `json:"mini_openid,omitempty"`
	Channel     string `json:"channel"`
	// FellThrough are the channels that could not reach the person before, and why.
	FellThrough string `json:"fell_through,omitempty"`
	State       string `json:"state"`
	Attempts    int    `json:"attempts"`
	ErrCode     int    `json:"errcode"`
	// ErrMsg is what WeChat said, or why it was skipped, in English; Why is the same in any
	// language.
	ErrMsg        string          `json:"errmsg"`
	Why           wxcast.Sentence `json:"-"`
	MsgID         string          `json:"msgid"` // text: it is above 2^53
	AttemptedAt   *time.Time      `json:"attempted_at"`
	NextAttemptAt *time.Time      `json:"next_attempt_at"`
	// In exports: what the receipt said, when they came by the message, and the goals that they
	// reached within 7 days of that.
	Receipt string     `json:"receipt,omitempty"`
	CameAt  *time.Time `json:"came_at,omitempty"`
	Goals   int64      `json:"goals,omitempty"`
}

// NewDelivery shows a delivery.
func NewDelivery(d wxcast.PersonDelivery) Delivery {
	msgid := ""
	if d.MsgID != 0 {
		msgid = strconv.FormatInt(d.MsgID, 10)
	}
	why, openid := wxcast.Stored(d.ErrMsg), string(d.Recipient)
	if d.Recipient == wxcast.Recipient(d.MiniOpenID) {
		openid = ""
	}
	return Delivery{
		BroadcastID: d.BroadcastID, Broadcast: d.Broadcast, MessageID: d.Message, OpenID: openid,
		State:      string(d.State),
		MiniOpenID: string(d.MiniOpenID), Channel: d.Channel, FellThrough: d.FellThrough, Attempts: d.Attempts,
		ErrCode: d.ErrCode, ErrMsg: text.English.Say(why), Why: why, MsgID: msgid,
		AttemptedAt: TimeOrNull(d.AttemptedAt), NextAttemptAt: TimeOrNull(d.NextAttemptAt),
		Receipt: d.Receipt, CameAt: TimeOrNull(d.CameAt), Goals: d.Goals,
	}
}

// Listed is a row of a list as it is shown.
type Listed struct {
	List int64             `json:"list"`
	ID   string            `json:"id"`
	Vars map[string]string `json:"vars"`
}

// Told is what WeChat told of a person, as it is shown.
type Told struct {
	Kind    string    `json:"kind"`
	At      time.Time `json:"at"`
	Key     string    `json:"event_key,omitempty"`
	Content string    `json:"content,omitempty"`
}

// Refused is a template that a person refused, as it is shown.
type Refused struct {
	Channel    string    `json:"channel"`
	TemplateID string    `json:"template_id"`
	Since      time.Time `json:"since"`
}

// NewPerson shows a person.
func NewPerson(p wxcast.Person) Person {
	out := Person{Followers: []Follower{}, MiniUsers: []MiniUser{}, Messages: []Delivery{}, OptOuts: p.OptOuts}
	for _, l := range p.Listed {
		out.Listed = append(out.Listed, Listed(l))
	}
	for _, e := range p.Events {
		out.Told = append(out.Told, Told{e.Kind, e.CreatedAt, e.Key, e.Content})
	}
	out.Permits, out.Windows = p.Permits, p.Windows
	for _, t := range p.Testers {
		out.TesterSince = &t.Since
	}
	for _, r := range p.Refused {
		out.Refused = append(out.Refused, Refused(r))
	}
	for _, f := range p.Followers {
		out.Followers = append(out.Followers, NewFollower(f))
	}
	for _, m := range p.MiniUsers {
		out.MiniUsers = append(out.MiniUsers, MiniUser{string(m.MiniAppID), string(m.MiniOpenID), string(m.UnionID),
			m.Bridged, m.CreatedAt, m.UpdatedAt})
	}
	for _, d := range p.Deliveries {
		out.Messages = append(out.Messages, NewDelivery(d))
	}
	return out
}

// Person shows everything that is kept of one person, by an openid, a unionid or a
// mini_openid. Audited.
func (a *Account) Person(ctx context.Context, id string) (Person, error) {
	return auditedOf(ctx, a, "get-person", "", []string{id}, func(*entry) (Person, error) {
		minis, err := a.miniIDs(ctx)
		if err != nil {
			return Person{}, err
		}
		p, err := a.db.Person(ctx, a.ID, minis, id)
		if err == nil && p.Nobody() {
			err = nobody(id)
		}
		shown := NewPerson(p)
		for _, f := range p.Followers {
			hints, hintErr := a.db.ReceiptHints(ctx, a.ID, f.OpenID)
			err = errors.Join(err, hintErr)
			for _, h := range hints {
				hint := ReceiptHint{OpenID: string(h.OpenID), Status: h.Status, At: h.At}
				if h.MsgID != 0 {
					hint.MsgID = strconv.FormatInt(h.MsgID, 10)
				}
				shown.Hints = append(shown.Hints, hint)
			}
		}
		return shown, err
	})
}

// Knows tells whether anything is kept of the person with an id. Audited.
func (a *Account) Knows(ctx context.Context, id string) (known bool, err error) {
	return auditedOf(ctx, a, "find-people", "", []string{id}, func(*entry) (bool, error) {
		minis, err := a.miniIDs(ctx)
		if err != nil {
			return false, err
		}
		p, err := a.db.Person(ctx, a.ID, minis, id)
		return !p.Nobody(), err
	})
}

// foundMost is how many people are found at most.
const foundMost = 50

// FindPeople finds followers whose remark begins with a text. Audited.
func (a *Account) FindPeople(ctx context.Context, remark string) ([]wxcast.Remarked, error) {
	return audited(ctx, a, "find-people", "", func(*entry) ([]wxcast.Remarked, error) {
		if remark == "" {
			return nil, &wxcast.BadInput{Key: "remark", Problem: wxcast.Say("input.missing")}
		}
		return a.db.FindByRemark(ctx, a.ID, remark, foundMost)
	})
}

// DeliveryPick says which of a broadcast's deliveries somebody asks for.
type DeliveryPick struct {
	State   string // such as "failed"; "" for any
	ErrCode *int   // nil for any
	After   wxcast.DeliveryKey
	Limit   int
}

// PickDeliveries pages through a broadcast's deliveries. next is behind which to ask for more;
// nil where there are none. Audited.
func (a *Account) PickDeliveries(ctx context.Context, id int64, p DeliveryPick) (all []Delivery,
	next *wxcast.DeliveryKey,
	err error) {
	err = auditedOnly(ctx, a, "list-deliveries", fmt.Sprintf("broadcast %d", id), func(*entry) error {
		b, err := a.broadcast(ctx, id)
		if err == nil {
			err = stillThere(b)
		}
		if err != nil {
			return err
		}
		found, after, err := a.db.PickDeliveries(ctx, b, p.After, wxcast.DeliveryState(p.State), p.ErrCode, p.Limit)
		for _, d := range found {
			all = append(all, NewDelivery(d))
		}
		next = after
		return err
	})
	return all, next, err
}

// ForgetPerson deletes one person's data from every table. Audited.
func (a *Account) ForgetPerson(ctx context.Context, id string) (wxcast.Forgotten, error) {
	return auditedOf(ctx, a, "forget-person", "", []string{id}, func(*entry) (wxcast.Forgotten, error) {
		minis, err := a.miniIDs(ctx)
		if err != nil {
			return wxcast.Forgotten{}, err
		}
		f, err := a.db.Forget(ctx, a.ID, minis, id)
		if errors.Is(err, store.ErrNotFound) {
			err = nobody(id)
		}
		return f, err
	})
}

// miniIDs are the account's mini programs as the store numbers them.
func (a *Account) miniIDs(ctx context.Context) ([]int64, error) {
	minis, err := a.minis(ctx)
	ids := make([]int64, len(minis))
	for i, m := range minis {
		ids[i] = m.ID
	}
	return ids, err
}
