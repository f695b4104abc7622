package callback

import (
	"context"
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

// verify answers WeChat's test of the callback URL.
func (i *Intake) verify(w http.ResponseWriter, r *http.Request) {
	a, ok := i.accounts[r.PathValue("account")]
	if !ok {
		writeText(w, http.StatusNotFound, "no such account")
		return
	}
	echo, err := a.Keys.VerifyURL(r.URL.Query())
	if err != nil || !i.fresh(r) {
		i.refuse(w, r, a, http.StatusForbidden, "forged")
		return
	}
	writeText(w, http.StatusOK, echo)
}

// take keeps an event and answers once it is kept: WeChat tells it again if we
// do not.
func (i *Intake) take(w http.ResponseWriter, r *http.Request) {
	begun := time.Now()
	a, ok := i.accounts[r.PathValue("account")]
	if !ok {
		writeText(w, http.StatusNotFound, "no such account")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyMax))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		i.refuse(w, r, a, http.StatusRequestEntityTooLarge, "too large")
		return
	case err != nil:
		return // the sender went away
	}
	event, err := a.Keys.Open(r.URL.Query(), body)
	switch {
	case errors.Is(err, wechat.ErrForged), err == nil && !i.fresh(r):
		i.refuse(w, r, a, http.StatusForbidden, "forged")
		return
	case err != nil:
		i.refuse(w, r, a, http.StatusBadRequest, "malformed")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), answerWithin)
	defer cancel()
	if err := i.queues[a.Name].keep(ctx, kept(event)); err != nil {
		i.Log.ErrorContext(ctx, "callback not kept; WeChat will tell it again", "account", a.Name, "err", err)
		writeText(w, http.StatusServiceUnavailable, "try again")
		return
	}
	i.Metrics.CallbackKept(a.Name, kindOf(event), time.Since(begun))
	if answer := i.Stop.answer(event); answer != "" {
		i.replyText(w, r, a, event, answer)
		return
	}
	writeText(w, http.StatusOK, "success")
}

// fresh tells whether a signed time is near ours.
func (i *Intake) fresh(r *http.Request) bool {
	at, err := strconv.ParseInt(r.URL.Query().Get("timestamp"), 10, 64)
	return err == nil && i.Store.Now().Sub(time.Unix(at, 0)).Abs() < signedWithin
}

func (i *Intake) refuse(w http.ResponseWriter, r *http.Request, a Account, status int, why string) {
	i.Metrics.CallbackRefused(a.Name, why)
	if status == http.StatusForbidden {
		i.sawForged(r.Context(), a)
	}
	i.Log.WarnContext(r.Context(), "callback refused", "account", a.Name, "why", why, "from", r.RemoteAddr)
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

// replyText answers a message with a text, sealed where the message was.
func (i *Intake) replyText(w http.ResponseWriter, r *http.Request, a Account, e wechat.Event, text string) {
	now := i.Store.Now()
	reply, err := xml.Marshal(textReply{ToUserName: e.OpenID, FromUserName: e.Account, CreateTime: now.Unix(),
		MsgType: "text", Content: text})
	if err == nil && r.URL.Query().Get("encrypt_type") == "aes" {
		var sealed wechat.SealedReply
		if sealed, err = a.Keys.Seal(reply, now, r.URL.Query().Get("nonce")); err == nil {
			reply, err = xml.Marshal(sealed)
		}
	}
	if err != nil {
		i.Log.ErrorContext(r.Context(), "a message was kept and could not be answered", "account", a.Name, "err", err)
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
