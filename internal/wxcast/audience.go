package wxcast

import "time"

// Audience chooses followers. Its zero value is every current follower; each field
// that is set narrows it. A broadcast keeps its own as JSON, with every time, list
// and other broadcast as they stood when it was created.
type Audience struct {
	MiniID        int64     `json:"mini_id,omitempty"` // of the mini program whose bridges count; always set
	OpenID        OpenID    `json:"openid,omitempty"`  // this follower alone
	Bridged       *bool     `json:"bridged,omitempty"` // joined to a user of that mini program, or not
	TagsAny       []int     `json:"tags_any,omitempty"`
	TagsAll       []int     `json:"tags_all,omitempty"`
	TagsNone      []int     `json:"tags_none,omitempty"`
	Scenes        []string  `json:"scenes,omitempty"` // subscribe_scene, such as ADD_SCENE_QR_CODE
	FollowedFrom  time.Time `json:"followed_from,omitzero"`
	FollowedUntil time.Time `json:"followed_until,omitzero"` // not included
	// MiniUsers takes the users of that mini program, too, who follow nothing.
	MiniUsers bool `json:"mini_users,omitempty"`
	// Reach are the ways to a person, in their order; who has none is out. None of them
	// stands for a follower's.
	Reach []Reach `json:"reach,omitempty"`
	// Unfollowed takes those who left, too.
	Unfollowed bool `json:"unfollowed,omitempty"`

	In    *ListRef  `json:"in,omitempty"`     // only who stands in this list, with the row's variables
	NotIn []ListRef `json:"not_in,omitempty"` // nobody who stands in one of these
	// NotMessagedSince leaves out who got, or may have got, a message since then, or is still
	// to get one of a broadcast at work. It and NotOfBroadcasts are looked at when the
	// recipients are fixed, and again when each message leaves.
	NotMessagedSince time.Time `json:"not_messaged_since,omitzero"`
	// NotOfBroadcasts leaves out who got, may have got, or is still to get one of these.
	NotOfBroadcasts []int64 `json:"not_of_broadcasts,omitempty"`
	// Sample is a share from 0 to 1 of the rest, the same people for the same Salt; 0
	// means all.
	Sample float64 `json:"sample,omitempty"`
	Salt   string  `json:"salt,omitempty"`
	// Limit takes the first so many in openid order; 0 means all.
	Limit int64 `json:"limit,omitempty"`
	// Holdout is the share of the recipients that gets nothing: the same people of a broadcast,
	// whoever asks.
	Holdout float64 `json:"holdout,omitempty"`
	// Track says that it is counted who came by the messages.
	Track bool `json:"track,omitempty"`
	// Retry takes the failed deliveries of another broadcast, with their variables.
	Retry *RetryOf `json:"retry,omitempty"`
}

// Reach is a way to a person: what they must have given for it.
type Reach struct {
	Channel    string `json:"channel"`
	Right      Right  `json:"right,omitempty"`
	AppID      int64  `json:"app_id,omitempty"`      // whose permit, as the store numbers it
	OfMini     bool   `json:"of_mini,omitempty"`     // that app is the mini program
	TemplateID string `json:"template_id,omitempty"` // that the permit is for
}

// RetryOf names failed deliveries of a broadcast.
type RetryOf struct {
	BroadcastID int64 `json:"broadcast_id"`
	ErrCodes    []int `json:"errcodes,omitempty"` // none for all
}

// AudienceCount is how many followers are in an audience, and why the others are
// out; each is counted once, by the first reason.
type AudienceCount struct {
	Followers  int64 // and mini users, where the audience takes them
	Recipients int64
	// Reached counts recipients by the first of Audience.Reach that reaches them now.
	Reached []int64
	Out     []OutReason
	// ListRows and ListFound count the rows of Audience.In, and those that are a
	// follower's.
	ListRows, ListFound int64
}

// OutReason counts followers who are not in an audience.
type OutReason struct {
	Reason string // such as "tags"
	N      int64
}
