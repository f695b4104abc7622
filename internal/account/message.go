package account

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
)

const (
	// messageKeyMax is the longest key of a caller's, and messageAhead how far ahead a message
	// may be put off.
	messageKeyMax = 128
	messageAhead  = 366 * 24 * time.Hour
	// messageVarsMax are the bytes of a message's own texts, those of its spec among them.
	messageVarsMax = 16 << 10
)

// MessageRequest asks for a message to one person: by a preset, or a spec.
type MessageRequest struct {
	Preset string
	Spec   Spec           // of ReadMessageSpec
	Inline map[string]any // or a spec as JSON has it
	To     string
	Vars   map[string]string
	// At and ExpiresAt are times in RFC 3339, or in Beijing's such as "2026-11-30 10:00"; "" for
	// now and for never.
	At, ExpiresAt string
	Key           string
}

// MessageAnswer is what became of a request.
type MessageAnswer struct {
	ID    int64  `json:"id"`
	State string `json:"state"`
	// Known: the same was asked for before, by its key.
	Known bool  `json:"-"`
	Err   error `json:"-"`
}

// Message is a message to one person as it is shown.
type Message struct {
	ID      int64  `json:"id"`
	State   string `json:"state"`
	Channel string `json:"channel"`
	// Recipient is the person's openid, or the mini_openid of somebody who follows nothing.
	Recipient   string          `json:"recipient"`
	MsgID       string          `json:"msgid"` // text: it is above 2^53
	ErrCode     int             `json:"errcode"`
	ErrMsg      string          `json:"errmsg"` // in English
	Why         wxcast.Sentence `json:"-"`
	Name        string          `json:"name"`
	Preset      string          `json:"preset,omitempty"`
	Version     int             `json:"version,omitempty"` // of the preset
	AskedBy     string          `json:"asked_by"`          // "key NAME" or "cli USER@HOST"
	BroadcastID int64           `json:"broadcast_id"`      // that holds the day's messages of its kind
	FellThrough string          `json:"fell_through,omitempty"`
	Attempts    int             `json:"attempts"`
	Receipt     string          `json:"receipt,omitempty"`
	CreatedAt   time.Time       `json:"created_at"`
	SendAt      time.Time       `json:"send_at"`
	ExpiresAt   *time.Time      `json:"expires_at"`
	AttemptedAt *time.Time      `json:"attempted_at"`
}

func newMessage(m wxcast.Message) Message {
	d := NewDelivery(m.PersonDelivery)
	return Message{ID: m.ID, State: d.State, Channel: d.Channel, Recipient: string(m.Recipient), MsgID: d.MsgID,
		ErrCode: d.ErrCode, ErrMsg: d.ErrMsg, Why: d.Why, Name: m.Name, Preset: m.Preset, Version: m.Version,
		AskedBy: m.AskedBy, BroadcastID: m.BroadcastID, FellThrough: d.FellThrough, Attempts: d.Attempts,
		Receipt:   m.Receipt,
		CreatedAt: m.CreatedAt, SendAt: m.SendAt, ExpiresAt: TimeOrNull(m.ExpiresAt), AttemptedAt: d.AttemptedAt}
}

// Message shows a message, and what became of it.
func (a *Account) Message(ctx context.Context, id int64) (Message, error) {
	m, err := a.db.Message(ctx, a.ID, id)
	if errors.Is(err, store.ErrNotFound) {
		err = notFound("message.none", "id", id)
	}
	if masked(ctx) && m.AskedBy != askedBy(ctx) { // who asked for it knows to whom it goes
		m.PersonDelivery.Recipient = hidden
	}
	return newMessage(m), err
}

// CancelMessage cancels one that has not left. Audited.
func (a *Account) CancelMessage(ctx context.Context, id int64) (Message, error) {
	return audited(ctx, a, "cancel-message", fmt.Sprintf("message %d", id), func(*entry) (Message, error) {
		m, err := a.Message(ctx, id)
		if err != nil {
			return m, err
		}
		done, err := a.db.RevokeMessage(ctx, a.ID, id)
		if err != nil {
			return m, err
		}
		if m, err = a.Message(ctx, id); err != nil || done || m.ErrCode == wxcast.ErrCodeRevoked {
			return m, err
		}
		if m.State == string(wxcast.DeliveryPending) {
			return m, conflict("message.leaving", "id", id)
		}
		return m, conflict("message.over", "id", id, "state", State(m.State))
	})
}

// SendMessage stores a message, or finds the one that its key stands for. The processes of
// wxcast serve send it when its time comes. It is not in the audit log: the message itself says
// who asked for what.
func (a *Account) SendMessage(ctx context.Context, r MessageRequest) (MessageAnswer, error) {
	answer := a.SendMessages(ctx, []MessageRequest{r})[0]
	return answer, answer.Err
}

// SendMessages stores messages, and answers each on its own.
func (a *Account) SendMessages(ctx context.Context, all []MessageRequest) []MessageAnswer {
	answers := make([]MessageAnswer, len(all))
	drafts := make([]*draft, len(all))
	var good []*draft
	for i, r := range all {
		if drafts[i], answers[i].Err = a.messages.draft(ctx, r); answers[i].Err == nil {
			good = append(good, drafts[i])
		}
	}
	sendErr := a.messages.send(ctx, good)
	for i, d := range drafts {
		switch {
		case d == nil: // it is no request
		case answers[i].Err != nil:
			answers[i] = a.again(ctx, d.Key, d.hash, answers[i].Err)
		case sendErr != nil:
			answers[i] = a.again(ctx, d.Key, d.hash, sendErr)
		case d.err != nil:
			answers[i] = a.again(ctx, d.Key, d.hash, d.err)
		default:
			answers[i] = a.answer(ctx, d.Key, d.hash, d.added)
		}
	}
	return answers
}

// again is the answer to a request that cannot be fulfilled (any more): where its key stands for a
// message that was, that is asked for again.
func (a *Account) again(ctx context.Context, key, hash string, refused error) MessageAnswer {
	if key == "" {
		return MessageAnswer{Err: refused}
	}
	m, known, err := a.db.MessageByKey(ctx, a.ID, key)
	if err != nil || !known || m.ContentHash != hash {
		return MessageAnswer{Err: refused}
	}
	return a.answer(ctx, key, hash, m)
}

// answer is what became of a request.
func (a *Account) answer(ctx context.Context, key, hash string, added wxcast.AddedMessage) MessageAnswer {
	answer := MessageAnswer{ID: added.ID, State: string(wxcast.DeliveryPending), Known: added.Known}
	switch {
	case !added.Known:
	case added.ContentHash != hash:
		answer.Err = conflict("message.other_content", "key", key, "id", added.ID)
	default:
		now, err := a.Message(ctx, added.ID)
		answer.State, answer.Err = now.State, err
		var gone *NotFound
		if errors.As(err, &gone) { // its delivery was removed as old
			answer.State, answer.Err = string(wxcast.DeliverySent), nil
		}
	}
	return answer
}

// draft is a request while it becomes a message.
type draft struct {
	MessageRequest
	kind    *kind
	version int // of the preset
	vars    map[string]string
	at      time.Time // zero for now
	expires time.Time
	hash    string // of what was asked for
	by      string // who asks
	checked checkedSpec
	writers []spec.Writer
	person  wxcast.Delivery
	added   wxcast.AddedMessage // what became of it
	err     error
}

// contentHash is over what a caller asked for, however it was written.
func contentHash(r MessageRequest, kindText string, vars map[string]string, at, expires time.Time) string {
	if r.Preset != "" {
		kindText = "" // whichever version is the latest
	}
	raw, err := json.Marshal([]any{r.Preset, kindText, r.To, vars, at.UTC(), expires.UTC()})
	if err != nil {
		panic(err) // texts and times can't fail
	}
	sum := sha256.Sum256(raw)
	return "v1:" + hex.EncodeToString(sum[:16])
}

// parseAt reads a time of a request; "" is the zero time.
func parseAt(key, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := spec.ParseTime(text)
	if err != nil {
		return t, &wxcast.BadInput{Key: key, Problem: wxcast.Say("input.time", "value", text),
			Want: wxcast.Say("input.want_time")}
	}
	return t.UTC(), nil
}

// times reads when a message is to leave, and until when.
func (a *Account) times(r MessageRequest) (at, expires time.Time, err error) {
	at, atErr := parseAt("at", r.At)
	expires, expiresErr := parseAt("expires_at", r.ExpiresAt)
	if err := errors.Join(atErr, expiresErr); err != nil {
		return at, expires, err
	}
	now := a.db.Now()
	if at.After(now.Add(messageAhead)) {
		err = &wxcast.BadInput{Key: "at", Problem: wxcast.Say("message.far_ahead", "value", r.At),
			Want: wxcast.Say("message.want_a_year")}
	}
	if !expires.IsZero() && (!expires.After(now) || !expires.After(at)) {
		err = errors.Join(err, &wxcast.BadInput{Key: "expires_at", Problem: wxcast.Say("message.expires_first", "value",
			r.ExpiresAt), Want: wxcast.Say("message.want_expires_later")})
	}
	return at, expires, err
}

// checkRequest looks at what can be judged by itself.
func checkRequest(r MessageRequest) error {
	var bad []error
	say := func(key, code, want string, pairs ...any) {
		bad = append(bad, &wxcast.BadInput{Key: key, Problem: wxcast.Say(code, pairs...), Want: wxcast.Say(want)})
	}
	switch {
	case r.To == "":
		say("to", "spec.missing", "message.want_to")
	case len(r.To) > idMax || strings.ContainsFunc(r.To, notOfID):
		say("to", "message.no_id", "message.want_to")
	}
	given := 0
	for _, is := range []bool{r.Preset != "", r.Spec.Spec != nil, r.Inline != nil} {
		if is {
			given++
		}
	}
	if given != 1 {
		say("preset", "message.preset_or_spec", "message.want_one")
	}
	if r.Preset != "" && !spec.GoodName(r.Preset) {
		say("preset", "spec.no_name", "spec.want_name_form", "value", r.Preset)
	}
	if len(r.Key) > messageKeyMax || strings.ContainsFunc(r.Key, notOfID) {
		say("key", "message.no_key", "message.want_key", "most", messageKeyMax)
	}
	return errors.Join(append(bad, spec.CheckVars(r.Vars))...)
}

// idMax is more than the longest id of WeChat's.
const idMax = 128

// notOfID tells whether a character is in no id and no key.
func notOfID(r rune) bool { return r <= ' ' || r >= 127 }

// WaitForMessage waits until a message has its end, sending it in this process.
func (a *Account) WaitForMessage(ctx context.Context, id int64) (Message, error) {
	m, b, err := a.messageIn(ctx, id)
	if err != nil || m.State != string(wxcast.DeliveryPending) {
		return m, err
	}
	sending, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- a.sendKind(sending, b) }()
	tick := time.NewTicker(messagePoll)
	defer tick.Stop()
	for {
		select {
		case err := <-ended: // it stands still, or this process could not go on
			if err != nil {
				return m, err
			}
			return a.stillPending(ctx, id)
		case <-tick.C:
		}
		if m, err = a.Message(ctx, id); err == nil && m.State != string(wxcast.DeliveryPending) {
			stop()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				return m, err
			}
			return m, nil
		}
	}
}

// messageIn is a message, and the broadcast that holds it.
func (a *Account) messageIn(ctx context.Context, id int64) (m Message, b wxcast.Broadcast, err error) {
	if m, err = a.Message(ctx, id); err == nil {
		b, err = a.broadcast(ctx, m.BroadcastID)
	}
	return m, b, err
}

// messagePoll is how often a message is looked at that is waited for.
const messagePoll = 100 * time.Millisecond

// stillPending says why a message is not sent whose broadcast stands still.
func (a *Account) stillPending(ctx context.Context, id int64) (Message, error) {
	m, b, err := a.messageIn(ctx, id)
	if err != nil || m.State != string(wxcast.DeliveryPending) {
		return m, err
	}
	return m, conflict("message.stands_still", "id", m.ID, "broadcast", b.ID, "state", State(b.State), "reason",
		b.Reason)
}
