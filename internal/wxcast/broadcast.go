package wxcast

import (
	"errors"
	"time"
)

// BroadcastState is where a broadcast stands. The moves between the states are
// drawn in docs/states.md.
type BroadcastState string

// The states of a broadcast.
const (
	BroadcastDraft     BroadcastState = "draft"
	BroadcastScheduled BroadcastState = "scheduled"
	BroadcastRunning   BroadcastState = "running"
	BroadcastWaiting   BroadcastState = "waiting" // for the next Beijing day's quota
	BroadcastPaused    BroadcastState = "paused"  // by a brake or a person
	BroadcastDone      BroadcastState = "done"
	BroadcastCancelled BroadcastState = "cancelled"
)

// Move is a change of a broadcast's state.
type Move struct {
	From, To BroadcastState
	Reason   Sentence
	ResumeAt time.Time // UTC; zero where it does not go on by itself
	// ForQuota: it waits for quota, and goes on before ResumeAt when more than Keep calls of
	// the day are seen to be left, and a little more.
	ForQuota bool
	Keep     int64
}

// CanaryMove is a step of a running broadcast's canary, and what the broadcast does of it.
type CanaryMove struct {
	From, To CanaryState
	State    BroadcastState
	Reason   Sentence
	Until    time.Time // UTC; when the canary is judged, zero once it was
}

// Final tells whether the state is an end.
func (s BroadcastState) Final() bool { return s == BroadcastDone || s == BroadcastCancelled }

// Stopped tells whether a person or a brake ended the work, for now or for good.
func (s BroadcastState) Stopped() bool { return s == BroadcastPaused || s == BroadcastCancelled }

// Broadcast is one job: one message text to a fixed set of recipients.
type Broadcast struct {
	ID        int64
	AccountID int64 // the official account, as the store numbers it
	MiniID    int64 // the mini program whose bridges are the audience
	Name      string
	// ContentHash is over what is sent and to whom, so that the same spec run
	// again is known to be the same broadcast.
	ContentHash string
	Spec        string // the YAML as it was given
	Audience    Audience
	// MessageKey is random, and the common start of the client_msg_ids.
	MessageKey string
	State      BroadcastState
	Reason     Sentence  // why it waits or is paused
	ResumeAt   time.Time // a waiting broadcast goes on, a scheduled one begins, UTC; zero otherwise
	Rate       float64   // messages per second, all workers together
	// Priority: while one with a higher number, or an older one with the same, is at
	// work, this one waits.
	Priority    int
	Canary      CanaryState
	CanaryShare float64 // only for AddBroadcast; 0 for no canary
	// Channels are the ways that it goes, in their order; only for AddBroadcast.
	Channels []BroadcastChannel
	// Files are what the spec's files hold that messages need, by name; only for AddBroadcast.
	Files map[string][]byte
	// Makers are the users who wrote it; only for AddBroadcast.
	Makers      []string
	CanaryUntil time.Time
	// Fixed is true once every recipient has a delivery row; so many have one.
	Fixed      bool
	FixedCount int64
	CreatedAt  time.Time
	StartedAt  time.Time // zero until the first claim
	// WorkedAt is when a process began it, or last got work of it; zero while nobody has since it
	// was made or went on.
	WorkedAt   time.Time
	FinishedAt time.Time // zero until done, or cancelled with nothing in doubt
	// Kept are the counts of its deliveries, where they were kept when it was over; nil where
	// they are to be counted.
	Kept *Tally
	// TakesUntil is until when it takes more messages, which come one by one: it holds the
	// single messages of a day; zero for one whose recipients are fixed at its start.
	TakesUntil time.Time
	// EmptiedAt is when its deliveries were removed, as old enough; zero while they are there.
	EmptiedAt time.Time
}

// BroadcastRef names one broadcast: every statement about one names its account, too, so
// that a store can be distributed by account.
type BroadcastRef struct{ AccountID, ID int64 }

// OfMessages tells whether it holds single messages.
func (b Broadcast) OfMessages() bool { return !b.TakesUntil.IsZero() }

// SmallBroadcast is how many recipients a small broadcast has at the most: the process that
// begins it sends it within a moment, and nobody else can help.
const SmallBroadcast = 200

// Small tells whether it is known to be small.
func (b Broadcast) Small() bool { return b.Fixed && b.FixedCount <= SmallBroadcast && !b.OfMessages() }

// Ref names the broadcast.
func (b Broadcast) Ref() BroadcastRef { return BroadcastRef{b.AccountID, b.ID} }

// BroadcastChannel is one way that a broadcast goes.
type BroadcastChannel struct {
	Name       string // the channel's, such as "template"
	Lane       Lane   // whose quota and pace its messages take
	TemplateID string // "" where the channel has no templates
	// State is running, or else waiting or paused: then the others go on without it.
	State    BroadcastState
	Reason   Sentence
	ResumeAt time.Time // UTC; zero where it does not go on by itself
}

// StoppedChannel is one that has stopped of a broadcast that goes on by others.
type StoppedChannel struct {
	BroadcastID int64
	Broadcast   string // its name
	BroadcastChannel
}

// CanaryState is how far the share that goes first has come.
type CanaryState string

// The states of a canary.
const (
	CanaryNone    CanaryState = ""        // there is none, or it was judged
	CanarySending CanaryState = "sending" // nobody else is sent to
	CanaryWaiting CanaryState = "waiting" // for outcomes, until CanaryUntil
)

// DeliveryState is where one recipient of a broadcast stands.
type DeliveryState string

// The states of a delivery. Unknown is an end of its own and no kind of failed:
// WeChat may or may not have accepted the message, and nobody can tell any more.
const (
	DeliveryPending DeliveryState = "pending"
	DeliverySent    DeliveryState = "sent"   // WeChat accepted it
	DeliveryFailed  DeliveryState = "failed" // WeChat refused it
	DeliverySkipped DeliveryState = "skipped"
	DeliveryUnknown DeliveryState = "unknown"
)

// Delivery is one recipient of one broadcast, as a worker receives it.
type Delivery struct {
	// Recipient is the person in this broadcast: the follower's openid, or the mini user's
	// of somebody who follows nothing.
	Recipient Recipient
	// Message is which message to the person it is; 0 in a broadcast, which has one to each.
	Message int64
	Follower
	MiniOpenID MiniOpenID
	Vars       map[string]string // from the recipients' CSV
	Attempts   int               // calls made before this one
	// OpenSince is the time of the first attempt whose outcome was lost, UTC;
	// zero when every attempt so far has a known outcome. WeChat takes a
	// repeat for the same message for the channel's DedupWindow from then.
	OpenSince time.Time
	// RightAt is when the permit was given, or the window opened, that the message takes, and
	// RightUntil when a window closes; zero for none.
	RightAt, RightUntil time.Time
	// ExpiresAt is after when a single message is of no use, UTC; zero for no such time.
	ExpiresAt time.Time
	// Mark is what the page that the message opens is marked with; "" for none.
	Mark string
}

// Key names the delivery in its broadcast.
func (d Delivery) Key() DeliveryKey { return DeliveryKey{d.Recipient, d.Message} }

// DeliveryKey names one delivery of a broadcast.
type DeliveryKey struct {
	Recipient Recipient `json:"recipient"`
	Message   int64     `json:"message"` // 0 in a broadcast
}

// Outcome is what became of one attempt at a delivery.
type Outcome struct {
	Recipient Recipient
	Message   int64         // as in Delivery
	State     DeliveryState // pending when it is to be tried again at NextAttemptAt
	MsgID     int64         // WeChat's msgid, above 2^53; 0 when there is none
	// ErrCode is WeChat's errcode; 0 for an accepted message and ErrCodeTransport
	// where no answer of WeChat's could be read.
	ErrCode       int
	ErrMsg        string    // for people; holds no token and no secret
	AttemptedAt   time.Time // when the call began, UTC; zero when none was made
	OpenSince     time.Time // as in Delivery, after this attempt
	NextAttemptAt time.Time // zero unless State is pending
	// ID is the person's as the channel takes it; "" where that is the recipient.
	ID Recipient
	// Hold is by what the process had the delivery; wanted where State is pending and the
	// channel does not note each message: what is another's by now stays as it is.
	Hold Hold
	// FallsTo is the channel that takes the person over; "" where none does. State is pending.
	FallsTo string
	// RightAt is the right that was taken for the message and that it did not use, since it
	// surely did not go out; zero where it is used.
	RightAt time.Time
}

// Hold is by what a process has a delivery: the lease that it is under, or, where it is a retry, the
// time until when, which its row bears as long as nobody else has taken it over.
type Hold struct {
	LeaseID int64
	Until   time.Time
}

// Key names the delivery in its broadcast.
func (o Outcome) Key() DeliveryKey { return DeliveryKey{o.Recipient, o.Message} }

// Fixing is how far the recipients of a broadcast have their delivery rows.
type Fixing struct {
	Total int64 // who have theirs
	Fixed bool  // these are all of them
	Busy  bool  // another process is at that: nothing else is told
}

// ErrBusy is that another process does at this moment what was asked for.
var ErrBusy = errors.New("another process is at it")

// ErrCodeTransport stands in an Outcome where the call ended without a readable
// answer: no connection, a time-out, a 502. WeChat has no such errcode.
const ErrCodeTransport = -1000

// Codes of deliveries that were skipped when their turn came. WeChat has none of them.
const (
	ErrCodeUnfollowed = -1001 // they left after the broadcast had begun
	ErrCodeOptedOut   = -1002 // they asked for no more messages
	ErrCodeCapped     = -1003 // the frequency cap: they had enough already
	ErrCodeBadValue   = -1004 // a value does not fit the template
	ErrCodeBlocked    = -1005 // they refused this template, as an earlier receipt told
	// ErrCodeExcluded: since the recipients were fixed, they got a message that the audience
	// rules out, or are to get it (exclude_broadcasts, not_messaged).
	ErrCodeExcluded = -1006
	ErrCodeNoPermit = -1007 // they allow no message of this template
	ErrCodeNoWindow = -1008 // they did not write to the account of late
	ErrCodeExpired  = -1009 // a single message whose time was over before it could leave
	ErrCodeRevoked  = -1010 // a single message that was cancelled before it left
	ErrCodeHeldOut  = -1011 // of the share that gets nothing, to be compared with
)

// Tally is a broadcast's deliveries counted by state. Recipients is always the
// sum of the others.
type Tally struct {
	Recipients int64
	Sent       int64
	Failed     int64
	Skipped    int64
	Unknown    int64
	Pending    int64
	// Delivered and Undelivered count the receipts of messages that were sent.
	Delivered, Undelivered int64
	ByErrCode              map[int]int64 // of failed, skipped and unknown deliveries
	// ByChannel are the same for each channel, by its name. Recipients are those whom it tried
	// to reach, FellThrough those of them whom it could not and another took over.
	ByChannel map[string]*ChannelTally `json:",omitempty"`
}

// ChannelTally is what became of the people of a broadcast by one of its channels.
type ChannelTally struct {
	Recipients, Sent, Failed, Skipped, Unknown, Pending, FellThrough, Delivered, Undelivered int64

	FellThroughBy map[int]int64 // those who fell through by errcode
}

// Of is a channel's part, which is made where there is none yet.
func (t *Tally) Of(channel string) *ChannelTally {
	if t.ByChannel == nil { // counts that were kept before there were channels
		t.ByChannel = map[string]*ChannelTally{}
	}
	if t.ByChannel[channel] == nil {
		t.ByChannel[channel] = &ChannelTally{FellThroughBy: map[int]int64{}}
	}
	return t.ByChannel[channel]
}

// Fell adds people whom the channel could not reach.
func (t *ChannelTally) Fell(code int, n int64) {
	t.Recipients, t.FellThrough = t.Recipients+n, t.FellThrough+n
	t.FellThroughBy[code] += n
}

// ClaimRequest asks for work of one broadcast.
type ClaimRequest struct {
	Broadcast BroadcastRef
	Channel   Channel // by which it sends
	Lane      Lane    // whose quota and time it takes
	Worker    string  // who asks; unique to one process
	// Held are the leases that the process holds: another may take them over, it may not.
	Held []int64
	// Max bounds the deliveries of a claim; so does Span, as what may be sent in it
	// at the broadcast's rate.
	Max  int
	Span time.Duration
	// Lead is how long after the claim its time slot begins at the earliest, and Ahead how
	// much longer until then at the most: else it is too early to claim.
	Lead, Ahead time.Duration
	// QuotaKeep is how much of the day's quota to leave to the company's other
	// messages.
	QuotaKeep int64
	// Reserve is how much of it to leave to single messages, those that were sent today among it.
	Reserve  int64
	LeaseTTL time.Duration
	Cap      FrequencyCap
	// Repeats is how long after its first attempt what is in doubt may be tried again. Then it is
	// unknown, for which no quota is left over; 0 is for ever.
	Repeats time.Duration
	// Profile: the message names the follower's unionid, remark, tags or time of
	// following, so deliveries must hold them.
	Profile bool
	// Through asks for a broadcast that was paused or cancelled: only for deliveries whose
	// answer was lost no longer ago than this; 0 asks for a running one.
	Through time.Duration
}

// Recording is what became of some attempts, and the leases that are thereby done.
type Recording struct {
	Broadcast  BroadcastRef
	Worker     string
	Channel    Channel
	Lane       Lane // whose calls they were
	Outcomes   []Outcome
	DoneLeases []int64
	// MayEnd: these may be the last of a small broadcast. It is over then.
	MayEnd bool
}

// FrequencyCap bounds the messages to one person, of all broadcasts; 0 is no bound.
type FrequencyCap struct {
	Day  int // in the last 24 hours
	Week int // in the last 7 days
}

// Slot is the time that some messages of an account have for themselves.
type Slot struct {
	Start, End time.Time // by the store's clock
	// Share of the rate that is used now; below 1 while WeChat asks us to slow down.
	Share float64
	Rate  float64 // of the broadcast whose messages they are
	// Now was the store's time when the slot was taken: a worker goes by how long it is from
	// then, on its own clock, which nobody sets.
	Now time.Time
}

// At is a time of the store's on a worker's own clock, which showed taken when the slot was
// taken.
func (s Slot) At(t, taken time.Time) time.Time { return taken.Add(t.Sub(s.Now)) }

// Claim is work that was given to one worker, or the reason that none was.
type Claim struct {
	LeaseID int64 // 0 when nothing fresh is in it
	// Retries come before Fresh. They are the worker's until RetriesUntil; the
	// fresh ones as long as their lease is renewed.
	Retries      []Delivery
	RetriesUntil time.Time
	Fresh        []Delivery
	// NotNoted are those of what is given back, by a channel that notes each message, that this
	// process has not noted: a note that stands there is another's, who may be sending it.
	NotNoted []DeliveryKey
	// Called is how many of what is given back WeChat was asked to send, and refused for a reason
	// that is not the recipient's: those calls count.
	Called int
	Slot   Slot // its Now is there, too, where no slot was taken
	Day    Day  // whose quota was reserved, in Lane
	Lane   Lane
	// TakenOver counts the leases of dead workers whose deliveries are due again.
	TakenOver int
	// Skipped counts those whose turn came and who must not get it; that is
	// recorded already.
	Skipped int
	// Last: the broadcast is small, and all that is left of it is in this claim, at work already,
	// or to be tried again.
	Last bool
	// Advanced: there may be more at once, also where this claim holds no work.
	Advanced bool
	// State is the broadcast's state at the claim; there is no work unless it
	// is running.
	State BroadcastState
	// QuotaSpent: there is work, and the day's quota does not allow it.
	QuotaSpent bool
	// QuotaUnread: today's quota must be read from WeChat first.
	QuotaUnread bool
	// Leased: somebody works on deliveries that the quota was reserved for. Filled in
	// where QuotaSpent is.
	Leased bool
	// Behind is the broadcast of a higher priority that is late, and goes first.
	Behind int64
	// CanarySent: the canary's deliveries all have their end.
	CanarySent bool
	// NextDue is when to ask again: when the earliest retry is due, where nothing else is
	// left, or when the time for more has come.
	NextDue time.Time
	// TooEarly: NextDue is when its time comes, whatever else happens; LaneOpens is when that
	// of any of the lane's broadcasts does.
	TooEarly  bool
	LaneOpens time.Time
	// ClockBack is by how much the store's clock was found to have gone back, and NotBelieved
	// how far ahead the lane's last slot lay, which no right clock gives.
	ClockBack, NotBelieved time.Duration
	// Loss: the store has lost what this process knows to have happened. There is no work.
	Loss *Loss
	// ChannelStopped: the broadcast runs, but not this channel of it.
	ChannelStopped bool
	// Stranded: all that is left waits for channels that have stopped.
	Stranded bool
	// FellThrough counts those whom this channel could not reach and the next one took over.
	FellThrough int
	// Unknown counts those in doubt whom nobody may try again: they have their end with the claim.
	Unknown int
	// Next is that channel; "" for none.
	Next string
	// Exhausted: no delivery is pending any more.
	Exhausted bool
}

// Loss is what a store has lost of what it had confirmed, as far as a process knows.
type Loss struct {
	Span     time.Duration // how long before what is known the latest was that it has; at least
	Messages int64         // that the process sent and recorded in that time, to a tenth of a second
}

// And is the loss that two processes tell of.
func (l Loss) And(m Loss) Loss { return Loss{max(l.Span, m.Span), l.Messages + m.Messages} }

// Standing is how a broadcast stands, for the process that works on it.
type Standing struct {
	ID       int64
	Channel  string // of the broadcast
	State    BroadcastState
	Rate     float64 // messages per second
	Priority int
	// Paced is when the messages of its last slot of time are out, at its rate; zero where
	// there was none.
	Paced time.Time
	// Due is when there may be something to claim; zero where nothing is known of.
	Due time.Time
}

// QuotaMargin is a share of a day's quota that is more than WeChat's counter is wrong by.
const QuotaMargin = 0.05

// Quota is one API's daily limit as WeChat tells it.
type Quota struct {
	API   string // path, such as "/cgi-bin/message/template/send"
	Limit int64  // calls a Beijing day; 0 when WeChat gave no information
	Used  int64
}

// Remain is how many calls are left today.
func (q Quota) Remain() int64 { return max(0, q.Limit-q.Used) }

// QuotaDay is what the store knows of one API's quota on one day.
type QuotaDay struct {
	API   string
	Day   Day
	Limit int64 // 0 when unknown
	// Used is the larger of WeChat's counter and our reservations.
	Used int64
	// Ours is how many calls wxcast made and recorded on the day.
	Ours   int64
	ReadAt time.Time // when WeChat was last asked, UTC
}
