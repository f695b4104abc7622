package wxcast

import "time"

// Visit is that somebody came to the mini program by a message.
type Visit struct {
	BroadcastID int64
	Recipient   Recipient
	Message     int64 // as in Delivery
	MiniOpenID  MiniOpenID
	At          time.Time // UTC
	Scene       int       // how the mini program was opened, as WeChat numbers it; 0 for unknown
}

// Goal is something that a person did which the company wants them to do.
type Goal struct {
	OpenID     OpenID     // "" where it is not known
	MiniOpenID MiniOpenID // "" where it is not known; one of both is
	Name       string     // such as "order"
	Amount     int64      // in hundredths of the currency's unit
	At         time.Time  // UTC
	Key        string     // the caller's own name of it; "" for none
}

// GoalsWithin is how long after a visit, or a broadcast's start, what people do counts as of it.
const GoalsWithin = 7 * 24 * time.Hour

// Results are what a broadcast's messages brought about.
type Results struct {
	Came, Converted int64 // people
	Amount          int64 // in hundredths, of who converted
	ByChannel       map[string]ChannelResults
	// Of all people of the broadcast within GoalsWithin from its start, whether they came by the
	// message or not.
	Treated, HeldOut GroupResults
}

// ChannelResults are those by one channel.
type ChannelResults struct{ Came, Converted, Amount int64 }

// GroupResults are how many of a group of people did what the company wants.
type GroupResults struct{ People, Converted, Amount int64 }
