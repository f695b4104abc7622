package simulator

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// originalID is the account's own name in messages.
const originalID = "gh_5117a1a7edacc"

// event is something that WeChat tells the account's server.
type event struct {
	from   string // openid
	name   string
	key    string // EventKey
	msgID  int64
	status string
	list   []listItem
	text   string    // of a message that the person wrote: it is no event then
	mini   bool      // it is told to the mini program
	at     time.Time // zero for when it is told
}

// to is the URL where an event goes; "" for none.
func (k *Knobs) to(e event) string {
	if e.mini && k.MiniCallbackURL != "" {
		return k.MiniCallbackURL
	}
	return k.CallbackURL
}

// listItem is one entry of a subscribe_msg_* event.
type listItem struct {
	TemplateID string `json:"TemplateId"`
	Status     string `json:"SubscribeStatusString,omitempty"`
	Scene      string `json:"PopupScene,omitempty"`
	MsgID      int64  `json:"MsgID,string,omitempty"`
	ErrorCode  string `json:"ErrorCode,omitempty"`
}

// listName is the container of a list event's entries.
var listName = map[string]string{
	"subscribe_msg_popup_event":  "SubscribeMsgPopupEvent",
	"subscribe_msg_change_event": "SubscribeMsgChangeEvent",
	"subscribe_msg_sent_event":   "SubscribeMsgSentEvent",
}

// xml writes an event's fields as WeChat does, without the <xml> around them.
func (e event) xml(at time.Time) string {
	var b strings.Builder
	text := func(name, value string) { fmt.Fprintf(&b, "<%s><![CDATA[%s]]></%s>", name, value, name) }
	text("ToUserName", originalID)
	text("FromUserName", e.from)
	fmt.Fprintf(&b, "<CreateTime>%d</CreateTime>", at.Unix())
	if e.text != "" {
		text("MsgType", "text")
		text("Content", e.text)
		fmt.Fprintf(&b, "<MsgId>%d</MsgId>", e.msgID)
		return b.String()
	}
	text("MsgType", "event")
	text("Event", e.name)
	switch {
	case e.status != "":
		fmt.Fprintf(&b, "<MsgID>%d</MsgID>", e.msgID)
		text("Status", e.status)
	case len(e.list) > 0:
		fmt.Fprintf(&b, "<%s>", listName[e.name])
		for _, item := range e.list {
			b.WriteString("<List>")
			text("TemplateId", item.TemplateID)
			if item.MsgID != 0 {
				fmt.Fprintf(&b, "<MsgID>%d</MsgID><ErrorCode>%s</ErrorCode>", item.MsgID, item.ErrorCode)
				text("ErrorStatus", item.Status)
			} else {
				text("SubscribeStatusString", item.Status)
				fmt.Fprintf(&b, "<PopupScene>%s</PopupScene>", item.Scene)
			}
			b.WriteString("</List>")
		}
		fmt.Fprintf(&b, "</%s>", listName[e.name])
	default:
		text("EventKey", e.key)
	}
	return b.String()
}

// json writes an event as WeChat does in that format: a list of one is an object.
func (e event) json(at time.Time) map[string]any {
	out := map[string]any{"ToUserName": originalID, "FromUserName": e.from, "CreateTime": at.Unix(), "MsgType": "event",
		"Event": e.name}
	switch {
	case e.text != "":
		delete(out, "Event")
		out["MsgType"], out["Content"], out["MsgId"] = "text", e.text, e.msgID
	case e.status != "":
		out["MsgID"], out["Status"] = e.msgID, e.status
	case len(e.list) == 1:
		out["List"] = e.list[0]
	case len(e.list) > 1:
		out["List"] = e.list
	default:
		out["EventKey"] = e.key
	}
	return out
}

// callbackMax is how many deliveries are under way at once.
const callbackMax = 64

// callbackQueue delivers events to the account's server.
type callbackQueue struct {
	s         *Server
	ctx       context.Context
	close     context.CancelFunc
	slots     chan struct{}
	client    *http.Client
	wait      sync.WaitGroup
	delivered atomic.Int64
	lost      atomic.Int64
}

func newCallbackQueue(s *Server, dial func(context.Context, string, string) (net.Conn, error)) *callbackQueue {
	ctx, cancel := context.WithCancel(context.Background())
	return &callbackQueue{s: s, ctx: ctx, close: cancel, slots: make(chan struct{}, callbackMax), client: &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: callbackMax, DialContext: dial},
	}}
}

// send delivers an event after a delay, if there is a callback URL. Whether or not there is one,
// the person may now be written to. s.mu is held.
func (q *callbackQueue) send(e event, delay time.Duration) {
	q.s.openWindow(e)
	if q.s.knobs.to(e) == "" {
		return
	}
	q.wait.Add(1)
	time.AfterFunc(delay, func() {
		defer q.wait.Done()
		q.deliver(e)
	})
}

// deliver tries until the server answers in time, as often as the knob says.
func (q *callbackQueue) deliver(e event) {
	select {
	case q.slots <- struct{}{}:
		defer func() { <-q.slots }()
	case <-q.ctx.Done():
		return
	}
	q.s.mu.Lock()
	k, at := q.s.knobs, q.s.now()
	q.s.requests++
	seal := sealer{token: q.s.Token, aesKey: q.s.EncodingAESKey, appid: q.s.AppID,
		random: fmt.Sprintf("%016x", q.s.world.hash(q.s.requests, 30)),
		nonce:  strconv.FormatUint(q.s.world.hash(q.s.requests, 31)%1e10, 10)}
	if e.mini && k.MiniCallbackURL != "" {
		seal.token, seal.aesKey, seal.appid = q.s.MiniToken, q.s.MiniAESKey, q.s.MiniAppID
	}
	q.s.mu.Unlock()
	target, body, err := seal.request(k, e, at)
	if err != nil {
		q.lost.Add(1)
		return
	}
	for range k.CallbackTries {
		if q.try(target, body, time.Duration(k.CallbackTimeout)) {
			q.delivered.Add(1)
			return
		}
		if q.ctx.Err() != nil {
			return
		}
	}
	q.lost.Add(1)
}

func (q *callbackQueue) try(target string, body []byte, timeout time.Duration) bool {
	ctx, cancel := context.WithTimeout(q.ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return false
	}
	req.Header.Set("Content-Type", "text/xml")
	resp, err := q.client.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, bodyMax))
	return err == nil && resp.StatusCode == http.StatusOK
}

// request is the URL and the body of an event in the mode and format of the knobs.
func (s sealer) request(k Knobs, e event, at time.Time) (target string, body []byte, err error) {
	u, err := url.Parse(k.to(e))
	if err != nil {
		return "", nil, err
	}
	stamp := strconv.FormatInt(at.Unix(), 10)
	q := u.Query()
	q.Set("signature", sign(s.token, stamp, s.nonce))
	q.Set("timestamp", stamp)
	q.Set("nonce", s.nonce)
	q.Set("openid", e.from)
	inJSON := k.CallbackFormat == "json"
	if !e.at.IsZero() {
		at = e.at
	}
	plainXML, plainJSON := e.xml(at), e.json(at)
	var plain []byte
	if inJSON {
		plain, err = json.Marshal(plainJSON)
	} else {
		plain = []byte("<xml>" + plainXML + "</xml>")
	}
	if err != nil || k.CallbackMode == "plain" {
		u.RawQuery = q.Encode()
		return u.String(), plain, err
	}
	sealed, err := s.encrypt(plain)
	if err != nil {
		return "", nil, err
	}
	q.Set("encrypt_type", "aes")
	q.Set("msg_signature", sign(s.token, stamp, s.nonce, sealed))
	u.RawQuery = q.Encode()
	if inJSON {
		out := map[string]any{"ToUserName": originalID}
		if k.CallbackMode == "compatible" {
			out = plainJSON
		}
		out["Encrypt"] = sealed
		body, err = json.Marshal(out)
		return u.String(), body, err
	}
	inside := "<ToUserName><![CDATA[" + originalID + "]]></ToUserName>"
	if k.CallbackMode == "compatible" {
		inside = plainXML
	}
	return u.String(), []byte("<xml>" + inside + "<Encrypt><![CDATA[" + sealed + "]]></Encrypt></xml>"), nil
}

// receiptDelay is a random time until a receipt. s.mu is held.
func (s *Server) receiptDelay() time.Duration {
	if s.knobs.ReceiptFirst {
		return 0
	}
	return time.Duration(s.random.Int64N(max(1, int64(s.knobs.ReceiptDelay))))
}

// sendReceipt tells what became of an accepted message. s.mu is held.
func (s *Server) sendReceipt(m message) {
	e := event{from: s.world.openid.encode(m.person), name: "TEMPLATESENDJOBFINISH", msgID: s.receiptMsgID(m),
		status: "success"}
	chance := s.random.Float64()
	switch {
	case less(&chance, s.knobs.UserBlock):
		e.status = "failed:user block"
	case less(&chance, s.knobs.SystemFailed):
		e.status = "failed: system failed"
	case s.knobs.PersonFreqLimit > 0 && s.ledger.today(m.person, m.at) > s.knobs.PersonFreqLimit:
		e.status = "failed:freq limit"
	}
	s.callbacks.send(e, s.receiptDelay())
}

// review keeps a message for review; every second one passes, and its receipt names
// a MsgID that nobody was told. A message that does not pass has no event.
func (s *Server) review(m message) {
	s.ledger.Held++
	if s.ledger.Held%2 == 0 {
		return
	}
	s.lastMsgID++
	m.msgID = s.lastMsgID
	time.AfterFunc(s.receiptDelay(), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		m.at = s.now()
		s.ledger.add(m)
		s.callbacks.send(event{from: s.world.openid.encode(m.person), name: "TEMPLATESENDJOBFINISH",
			msgID: s.receiptMsgID(m), status: "success"}, 0)
	})
}

// receiptMsgID is the MsgID that a message's receipt bears.
func (s *Server) receiptMsgID(m message) int64 {
	if s.knobs.ReceiptWithoutMsgID && m.clientMsgID != "" {
		return 0
	}
	return m.msgID
}
