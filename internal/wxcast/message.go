package wxcast

import (
	"errors"
	"time"
)

// NewMessage is a message to one person, before it is stored.
type NewMessage struct {
	// BroadcastID is the broadcast that holds such messages of the day of SendAt, and TakesUntil
	// until when it takes them.
	BroadcastID int64
	TakesUntil  time.Time
	Recipient   Recipient  // as in Delivery
	MiniOpenID  MiniOpenID // "" where it is not known
	Channel     string     // that is tried first
	Vars        map[string]string
	// Key is the caller's: the same one again is the same message; "" for none. ContentHash is
	// over all that was asked for with it.
	Key, ContentHash string
	Preset           string // "" where the caller gave the spec
	Version          int    // of the preset
	AskedBy          string // as the audit log names them
	SendAt           time.Time
	ExpiresAt        time.Time // zero for no such time
}

// AddedMessage is what became of a NewMessage.
type AddedMessage struct {
	ID int64
	// Known: it was stored before, under its key.
	Known bool
	// ContentHash is that of the message that is stored: another one's where it is Known, and
	// the key was used for something else.
	ContentHash string
}

// ErrTooLate is that a broadcast takes no more messages of its day.
var ErrTooLate = errors.New("the day of these messages is over")

// Message is a message to one person, and what became of it.
type Message struct {
	ID                           int64
	AccountID                    int64
	BroadcastID                  int64  // that holds it
	Name                         string // of its preset or spec
	Preset                       string // "" where the caller gave the spec
	Version                      int    // of the preset
	AskedBy                      string // as the audit log names them
	CreatedAt, SendAt, ExpiresAt time.Time
	PersonDelivery
	Receipt string // what WeChat's receipt said; "" for none
}

// Preset is a stored spec that messages name. A version of it is never changed.
type Preset struct {
	Name      string
	Version   int
	Spec      string // the YAML as it was given
	CreatedAt time.Time
}
