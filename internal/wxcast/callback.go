package wxcast

import "time"

// CallbackEvent is what WeChat told about one person, as the store keeps it.
type CallbackEvent struct {
	ID        int64
	AppID     int64 // the mini program that it was told to, as the store numbers it; 0 for the account itself
	OpenID    OpenID
	CreatedAt time.Time // by WeChat's clock, whole seconds, UTC
	// Kind is the event in lower case, such as "subscribe", or a message's type, such as
	// "text".
	Kind    string
	Key     string // EventKey
	MsgID   int64  // of a message, or the one that a receipt is about
	Status  string // of a receipt
	Content string // of a text message
	Detail  string // the entries of a subscribe_msg_* event, as JSON; "" for none
	Tries   int    // how often it could not be applied
	// Relays are the callback as it came, for systems that are to get it; as it is kept alone.
	Relays []Relay
}
