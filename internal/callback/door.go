package callback

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	// bodyMax bounds a callback; WeChat's are below 4 KiB.
	bodyMax = 64 << 10
	// answerWithin is less than WeChat's 5 seconds, after which it asks again.
	answerWithin = 4500 * time.Millisecond
	// signedWithin is how old a signature may be: WeChat repeats within a minute, and
	// clocks differ.
	signedWithin = 10 * time.Minute
)

// Why a callback is refused, as the metrics have it.
const (
	refusedForged    = "forged"    // not by who holds the account's keys
	refusedPlain     = "plain"     // not sealed, though the account has a key for that
	refusedReplayed  = "replayed"  // the signature of another body
	refusedStale     = "stale"     // rightly signed, long ago or in the future
	refusedMalformed = "malformed" // rightly signed, and no event
	refusedLarge     = "too large"
)

// heard is the door that a callback knocks at. One without a Token is none: nobody could tell
// WeChat from a stranger.
func (i *Intake) heard(w http.ResponseWriter, r *http.Request) (door, bool) {
	name := r.PathValue("account")
	if mini := r.PathValue("mini"); mini != "" {
		name += "/" + mini
	}
	d, ok := i.doors[name]
	switch {
	case !ok:
		writeText(w, http.StatusNotFound, "no such account")
	case !hasToken(d.keys):
		writeText(w, http.StatusNotFound, "there is no Token here: these callbacks are not taken")
		return d, false
	}
	return d, ok
}

// verify answers WeChat's test of the callback URL.
func (i *Intake) verify(w http.ResponseWriter, r *http.Request) {
	d, ok := i.heard(w, r)
	if !ok {
		return
	}
	echo, err := d.keys.VerifyURL(r.URL.Query())
	switch {
	case err != nil:
		i.refuse(w, r, d.Account, http.StatusForbidden, refusedForged)
	case !i.fresh(r):
		i.refuse(w, r, d.Account, http.StatusForbidden, refusedStale)
	default:
		d.replays.first(r.URL.Query(), []byte(echo), i.Store.Now()) // whose signature is good for no body
		writeText(w, http.StatusOK, echo)
	}
}

// take keeps an event and answers once it is kept: WeChat tells it again if we
// do not.
func (i *Intake) take(w http.ResponseWriter, r *http.Request) {
	begun := time.Now()
	d, ok := i.heard(w, r)
	if !ok {
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyMax))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		i.refuse(w, r, d.Account, http.StatusRequestEntityTooLarge, refusedLarge)
		return
	case err != nil:
		return // the sender went away
	}
	q := r.URL.Query()
	event, err := d.keys.Open(q, body)
	// A sealed callback's plain signature stands in its address, too, and is good for no other body.
	first := errors.Is(err, wechat.ErrForged) || errors.Is(err, wechat.ErrPlain) ||
		d.replays.first(q, body, i.Store.Now())
	switch {
	case errors.Is(err, wechat.ErrForged):
		i.refuse(w, r, d.Account, http.StatusForbidden, refusedForged)
		return
	case errors.Is(err, wechat.ErrPlain):
		i.refuse(w, r, d.Account, http.StatusForbidden, refusedPlain)
		return
	case !i.fresh(r):
		i.refuse(w, r, d.Account, http.StatusForbidden, refusedStale)
		return
	case q.Get("encrypt_type") != "aes" && !first:
		i.refuse(w, r, d.Account, http.StatusForbidden, refusedReplayed)
		return
	case errors.Is(err, wechat.ErrUnread) && d.passing.any():
		i.passUnread(w, r, d, body, err)
		return
	case err != nil:
		i.refuse(w, r, d.Account, http.StatusBadRequest, refusedMalformed)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), answerWithin)
	defer cancel()
	asked := i.ask(ctx, d, relay("", event, r, body))
	i.datedRight(&event, r)
	what := kept(event)
	what.AppID = d.appID
	for _, name := range d.passing.Others {
		what.Relays = append(what.Relays, relay(name, event, r, body))
	}
	if d.passing.Primary != nil && asked == nil { // it rests
		what.Relays = append(what.Relays, relay(d.passing.Primary.Name, event, r, body))
	}
	_, err = i.queues[d.Name].Put(ctx, what)
	stops := d.appID == 0 && i.Stop.asks(event) // a mini program's users are opted out by the account
	if err == nil && stops {                    // who is told that they are on the list is on it
		_, _, err = i.Store.AddOptOuts(ctx, d.ID, []string{string(event.OpenID)}, "message")
	}
	if err == nil {
		i.Metrics.CallbackKept(d.Name, kindOf(event), time.Since(begun))
	}
	var answer answered
	if asked != nil {
		answer = <-asked
	}
	if err == nil && answer.err != nil {
		err = i.late(ctx, d, relay(d.passing.Primary.Name, event, r, body))
	}
	if err != nil {
		i.Log.ErrorContext(ctx, "callback not kept; WeChat will tell it again", "account", d.Name, "err", err)
		writeText(w, http.StatusServiceUnavailable, "try again")
		return
	}
	i.answer(w, r, d, event, answer, stops)
}

// answer answers a callback that is kept: as the primary does, where that has something to say.
func (i *Intake) answer(w http.ResponseWriter, r *http.Request, d door, event wechat.Event, primary answered,
	stops bool) {
	now := i.Store.Now().Unix()
	switch took := primary.asked && primary.err == nil; {
	case took && says(primary.Answer):
		if primary.ContentType != "" {
			w.Header().Set("Content-Type", primary.ContentType)
		}
		_, _ = w.Write(primary.Body)
	case stops && i.Stop.Reply != "":
		i.reply(w, r, d, textReply{ToUserName: event.OpenID, FromUserName: event.Account, CreateTime: now,
			MsgType: "text", Content: i.Stop.Reply})
	case d.passing.handsOver(event):
		i.reply(w, r, d, transfer{ToUserName: event.OpenID, FromUserName: event.Account, CreateTime: now,
			MsgType: "transfer_customer_service"})
	default:
		writeText(w, http.StatusOK, "success")
	}
}

// datedRight gives an event that bears no time that can be, or one in the future, the time at
// which it was signed.
func (i *Intake) datedRight(e *wechat.Event, r *http.Request) {
	signed, ok := signedAt(r)
	if ok && (e.CreatedAt.IsZero() || e.CreatedAt.Sub(signed) > signedWithin) {
		e.CreatedAt = signed
	}
}

func signedAt(r *http.Request) (time.Time, bool) {
	at, err := strconv.ParseInt(r.URL.Query().Get("timestamp"), 10, 64)
	return time.Unix(at, 0).UTC(), err == nil
}

// fresh tells whether a signed time is near ours.
func (i *Intake) fresh(r *http.Request) bool {
	at, ok := signedAt(r)
	return ok && i.Store.Now().Sub(at).Abs() < signedWithin
}

func (i *Intake) refuse(w http.ResponseWriter, r *http.Request, a Account, status int, why string) {
	i.Metrics.CallbackRefused(a.Name, why)
	advice := ""
	switch why {
	case refusedForged, refusedReplayed:
		i.sawForged(r.Context(), a)
	case refusedPlain:
		i.sawForged(r.Context(), a)
		advice = "the account has an EncodingAESKey: choose 安全模式 in the console, or set serve.callback_mode: compatible"
	case refusedStale:
		advice = "it is rightly signed: check this machine's clock, and how long a proxy holds callbacks"
	}
	i.Log.WarnContext(r.Context(), "callback refused", "account", a.Name, "why", why, "from", r.RemoteAddr, "advice",
		advice)
	writeText(w, status, why)
}

// kept is what the store keeps of an event.
func kept(e wechat.Event) wxcast.CallbackEvent {
	k := wxcast.CallbackEvent{OpenID: e.OpenID, CreatedAt: e.CreatedAt, Kind: kindOf(e), Key: e.Key, MsgID: e.MsgID,
		Status: e.Status, Content: e.Content}
	if len(e.Items) > 0 {
		items, err := json.Marshal(e.Items)
		if err != nil {
			panic(err) // texts and numbers marshal
		}
		k.Detail = string(items)
		if k.Key == "" { // so that two answers within a second are two events
			sum := sha256.Sum256(items)
			k.Key = hex.EncodeToString(sum[:8])
		}
	}
	return k
}

// kindOf is an event's name, or a message's type.
func kindOf(e wechat.Event) string {
	if e.Name != "" {
		return e.Name
	}
	return e.Type
}

// textReply is an answer that WeChat shows to the person.
type textReply struct {
	XMLName      xml.Name `xml:"xml"`
	ToUserName   wxcast.OpenID
	FromUserName string
	CreateTime   int64
	MsgType      string
	Content      string
}

// reply answers a message, sealed where the message was.
func (i *Intake) reply(w http.ResponseWriter, r *http.Request, d door, what any) {
	reply, err := xml.Marshal(what)
	if err == nil && r.URL.Query().Get("encrypt_type") == "aes" {
		var sealed wechat.SealedReply
		if sealed, err = d.keys.Seal(reply, i.Store.Now(), r.URL.Query().Get("nonce")); err == nil {
			reply, err = xml.Marshal(sealed)
		}
	}
	if err != nil {
		i.Log.ErrorContext(r.Context(), "a message was kept and could not be answered", "account", d.Name, "err", err)
		writeText(w, http.StatusOK, "success")
		return
	}
	w.Header().Set("Content-Type", "application/xml; charset=utf-8")
	_, _ = w.Write(reply)
}

func writeText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // the sender may be gone
}
