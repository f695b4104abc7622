package wxcast

import (
	"slices"
	"time"
)

// FollowerRecord is everything that is kept of one follower.
type FollowerRecord struct {
	Follower
	MiniOpenID   MiniOpenID        // "" when there is no bridge
	FirstSeenAt  time.Time         // UTC, as all times here; zero when it did not happen
	DetailsAt    time.Time         // when WeChat was last asked
	UnfollowedAt time.Time         // the last time
	RefollowedAt time.Time         // the last time
	Vars         map[string]string // from the audience's list
}

// Recipient is what the person stands by in a broadcast.
func (f FollowerRecord) Recipient() Recipient {
	if f.OpenID != "" {
		return Recipient(f.OpenID)
	}
	return Recipient(f.MiniOpenID)
}

// Person is everything that is kept of one human being in one account: followers
// with their unionid, what they are in the mini programs, and their messages.
type Person struct {
	Followers  []FollowerRecord
	MiniUsers  []PersonMiniUser
	Deliveries []PersonDelivery
	OptOuts    []OptOut
	Listed     []PersonListed
	Events     []CallbackEvent // the latest week's, and what they allowed
	Refused    []PersonRefused
	Permits    []Permit // what they allowed, the oldest first
	Windows    []Window // in which customer-service messages are, or were, allowed
	Testers    []Tester // they are the company's own, to whose phone tests are sent
}

// Nobody tells whether nothing is kept of the person.
func (p Person) Nobody() bool {
	return len(p.Followers)+len(p.MiniUsers)+len(p.Deliveries)+len(p.OptOuts)+len(p.Listed)+len(p.Events)+
		len(p.Refused)+len(p.Permits)+len(p.Windows)+len(p.Testers) == 0
}

// IDs are all by which a person is known, and the one that they were asked for by, each once.
func (p Person) IDs(asked string) []string {
	ids := []string{asked}
	add := func(id string) {
		if id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	for _, f := range p.Followers {
		add(string(f.OpenID))
		add(string(f.UnionID))
	}
	for _, m := range p.MiniUsers {
		add(string(m.MiniOpenID))
		add(string(m.UnionID))
	}
	return ids
}

// Remarked is a follower who was found by their remark.
type Remarked struct {
	OpenID     OpenID `json:"openid" db:"openid"`
	Remark     string `json:"remark"`
	Subscribed bool   `json:"subscribed"`
}

// PersonListed is a row of a list that is kept.
type PersonListed struct {
	List int64
	ID   string // by which they stand in it
	Vars map[string]string
}

// PersonRefused is a template that they refused.
type PersonRefused struct {
	Channel, TemplateID string
	Since               time.Time // UTC
}

// PersonMiniUser is a person inside one of the account's mini programs.
type PersonMiniUser struct {
	MiniAppID AppID
	MiniUser
	Bridged   bool
	CreatedAt time.Time // UTC
	UpdatedAt time.Time // UTC
}

// PersonDelivery is one message to a person.
type PersonDelivery struct {
	BroadcastID   int64
	Broadcast     string // its name
	Recipient     Recipient
	Message       int64      // of a single one; 0 of a broadcast
	MiniOpenID    MiniOpenID // where a channel of the broadcast takes it
	Channel       string
	FellThrough   string // the channels before, with a code for why: "subscribe:-1007"
	State         DeliveryState
	Attempts      int
	ErrCode       int
	ErrMsg        string
	MsgID         int64
	AttemptedAt   time.Time // UTC; zero when there was no attempt
	NextAttemptAt time.Time // UTC; zero when none is due
	// Of a broadcast's list alone: what the receipt said, when they came by the message, and how
	// many goals they reached then.
	Receipt string
	CameAt  time.Time
	Goals   int64
}

// Key names the delivery in its broadcast.
func (d PersonDelivery) Key() DeliveryKey { return DeliveryKey{d.Recipient, d.Message} }

// Forgotten is how many rows of each kind the deletion of a person touched.
type Forgotten struct {
	Followers  int64 `json:"followers"`
	MiniUsers  int64 `json:"mini_users"`
	Bridges    int64 `json:"bridges"`
	Kept       int64 `json:"mini_users_kept,omitempty"` // of mini programs that are another account's
	Deliveries int64 `json:"deliveries"`                // kept without the person, so that counts stay right
}
