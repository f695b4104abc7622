package wechat

import (
	"bytes"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/silenceper/wechat/v2/util"

	"github.com/wxcast/wxcast/internal/foreign"
	"github.com/wxcast/wxcast/internal/wxcast"
)

var (
	// ErrForged: the signature or the encryption is not of who holds the account's
	// token and key.
	ErrForged = errors.New("the callback is not signed with the account's token and key")
	// ErrPlain: a callback in plain text, though the account has a key for sealed ones. The
	// signature of a plain one does not cover its body, and stands in every access log.
	ErrPlain = errors.New("the callback is not sealed, and the account has an EncodingAESKey")
	// ErrMalformed: a callback that cannot be read.
	ErrMalformed = errors.New("the callback cannot be read")
	// ErrUnread: a malformed one that is WeChat's all the same.
	ErrUnread = errors.New("the callback is rightly signed")
)

// CallbackKeys are what an account and WeChat share for callbacks. Without a Token nothing is
// WeChat's.
type CallbackKeys struct {
	AppID wxcast.AppID
	Token interface{ Reveal() string }
	// AESKeys are the EncodingAESKeys, the current one first; keep the one before
	// while it is being changed. Empty where messages come in plain.
	AESKeys []interface{ Reveal() string }
	// Compatible takes messages in plain, too, where there are AESKeys: for the time in which
	// the console is changed.
	Compatible bool
}

// Event is what WeChat tells about one person.
type Event struct {
	OpenID    wxcast.OpenID
	Account   string    // the account's own name in messages, such as "gh_97417a04a28d"
	CreatedAt time.Time // UTC, whole seconds; zero where what WeChat told cannot be
	Type      string    // MsgType: "event", "text", …
	// Name is the event in lower case, such as "subscribe" or
	// "templatesendjobfinish"; "" for a message.
	Name    string
	Key     string // EventKey
	MsgID   int64  // of a message, or the one that a receipt is about
	Status  string // of a receipt: "success", "failed:user block", …
	Content string // of a text message
	Items   []SubscribeItem
}

// SubscribeItem is one template of a subscribe_msg_* event.
type SubscribeItem struct {
	TemplateID string
	Status     string // "accept" or "reject"; of a sent event, ErrorStatus
	MsgID      int64  // of a sent event
	ErrorCode  int    // of a sent event; 0 is delivered
}

// VerifyURL answers WeChat's test of a callback URL: the text to reply with.
func (k CallbackKeys) VerifyURL(q url.Values) (echo string, err error) {
	if !k.signed(q.Get("signature"), q.Get("timestamp"), q.Get("nonce")) {
		return "", ErrForged
	}
	return q.Get("echostr"), nil
}

// CallbackTest is the query of WeChat's test of a callback URL, added to q.
func CallbackTest(q url.Values, token, echo string, at time.Time) url.Values {
	stamp, nonce := strconv.FormatInt(at.Unix(), 10), rand.Text()[:10]
	q.Set("signature", util.Signature(token, stamp, nonce))
	q.Set("timestamp", stamp)
	q.Set("nonce", nonce)
	q.Set("echostr", echo)
	return q
}

// Open checks and reads a callback in any mode (plain, compatible, safe) and
// format (XML, JSON). Its errors are ErrForged, ErrPlain and ErrMalformed, which is ErrUnread,
// too, where the callback is WeChat's.
//
// A sealed message is checked by msg_signature alone: "signature" does not cover
// the body. In compatible mode the sealed part counts.
func (k CallbackKeys) Open(q url.Values, body []byte) (Event, error) {
	if q.Get("encrypt_type") != "aes" {
		switch {
		case !k.signed(q.Get("signature"), q.Get("timestamp"), q.Get("nonce")):
			return Event{}, ErrForged
		case len(k.AESKeys) > 0 && !k.Compatible:
			return Event{}, ErrPlain
		}
		return signedEvent(body)
	}
	sealed, err := parseSealed(body)
	if err != nil {
		return Event{}, err
	}
	if !k.signed(q.Get("msg_signature"), q.Get("timestamp"), q.Get("nonce"), sealed) {
		return Event{}, ErrForged
	}
	for _, key := range k.AESKeys {
		if _, plain, err := util.DecryptMsg(string(k.AppID), sealed, key.Reveal()); err == nil {
			return signedEvent(plain)
		}
	}
	return Event{}, ErrForged
}

// signedEvent reads an event of which it is known that it is WeChat's.
func signedEvent(body []byte) (Event, error) {
	e, err := parseEvent(body)
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrUnread, err)
	}
	return e, err
}

// SealedReply is an encrypted answer with its signature.
type SealedReply struct {
	XMLName      xml.Name `xml:"xml" json:"-"`
	Encrypt      string
	MsgSignature string
	TimeStamp    int64
	Nonce        string
}

// Seal encrypts an answer with the current key.
func (k CallbackKeys) Seal(plain []byte, at time.Time, nonce string) (SealedReply, error) {
	return k.seal([]byte(rand.Text()[:16]), plain, at, nonce)
}

func (k CallbackKeys) seal(random, plain []byte, at time.Time, nonce string) (SealedReply, error) {
	if len(k.AESKeys) == 0 {
		return SealedReply{}, errors.New("the account has no EncodingAESKey")
	}
	sealed, err := util.EncryptMsg(random, plain, string(k.AppID), k.AESKeys[0].Reveal())
	if err != nil {
		return SealedReply{}, errors.New("the EncodingAESKey is wrong") // the SDK's error might quote it
	}
	r := SealedReply{Encrypt: string(sealed), TimeStamp: at.Unix(), Nonce: nonce}
	r.MsgSignature = util.Signature(k.Token.Reveal(), strconv.FormatInt(r.TimeStamp, 10), nonce, r.Encrypt)
	return r, nil
}

// signed compares in constant time. With an empty token anybody could sign.
func (k CallbackKeys) signed(signature string, parts ...string) bool {
	if k.Token == nil || k.Token.Reveal() == "" {
		return false
	}
	want := util.Signature(append([]string{k.Token.Reveal()}, parts...)...)
	return subtle.ConstantTimeCompare([]byte(signature), []byte(want)) == 1
}

// wireEvent is an event as it comes, in both formats. The three containers are
// those of XML; JSON has List at the top, or inside them.
type wireEvent struct {
	ToUserName   string
	FromUserName string
	CreateTime   looseInt
	MsgType      string
	Event        string
	EventKey     string
	MsgID        looseInt // of receipts
	MsgId        looseInt // of messages: another key
	Status       string
	Content      string
	Encrypt      string
	List         looseList
	Popup        container `xml:"SubscribeMsgPopupEvent" json:"SubscribeMsgPopupEvent"`
	Change       container `xml:"SubscribeMsgChangeEvent" json:"SubscribeMsgChangeEvent"`
	Sent         container `xml:"SubscribeMsgSentEvent" json:"SubscribeMsgSentEvent"`
}

type container struct{ List looseList }

type wireItem struct {
	TemplateID            string `xml:"TemplateId" json:"TemplateId"`
	SubscribeStatusString string
	MsgID                 looseInt
	ErrorCode             looseInt
	ErrorStatus           string
}

// looseInt is a number, as such or as text.
type looseInt int64

// UnmarshalJSON reads 7 and "7"; an empty text is 0.
func (n *looseInt) UnmarshalJSON(raw []byte) error {
	return n.UnmarshalText(bytes.Trim(raw, `"`))
}

// UnmarshalText reads a number; an empty text is 0.
func (n *looseInt) UnmarshalText(raw []byte) error {
	text := strings.TrimSpace(string(raw))
	if text == "" || text == "null" {
		return nil
	}
	v, err := strconv.ParseInt(text, 10, 64)
	*n = looseInt(v)
	return err
}

// looseList is a list, or in JSON a single entry without the brackets.
type looseList []wireItem

// UnmarshalJSON reads [{…}, {…}] and {…}.
func (l *looseList) UnmarshalJSON(raw []byte) error {
	if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) {
		var one wireItem
		err := json.Unmarshal(raw, &one)
		*l = looseList{one}
		return err
	}
	return json.Unmarshal(raw, (*[]wireItem)(l))
}

func decodeEvent(body []byte) (w wireEvent, err error) {
	body = bytes.TrimSpace(foreign.Clean(body))
	if bytes.HasPrefix(body, []byte("{")) {
		err = json.Unmarshal(body, &w)
	} else {
		// encoding/xml knows no entities but XML's own five, and fetches nothing.
		err = xml.Unmarshal(foreign.CleanXML(body), &w)
	}
	if err != nil {
		return w, fmt.Errorf("%w: %v", ErrMalformed, err)
	}
	return w, nil
}

func parseSealed(body []byte) (string, error) {
	w, err := decodeEvent(body)
	if err == nil && w.Encrypt == "" {
		err = fmt.Errorf("%w: it holds no Encrypt", ErrMalformed)
	}
	return w.Encrypt, err
}

func parseEvent(body []byte) (Event, error) {
	w, err := decodeEvent(body)
	if err != nil {
		return Event{}, err
	}
	if w.FromUserName == "" || w.MsgType == "" {
		return Event{}, fmt.Errorf("%w: it holds no FromUserName or no MsgType", ErrMalformed)
	}
	if !wxcast.ValidID(w.FromUserName) {
		return Event{}, fmt.Errorf("%w: its FromUserName is no openid", ErrMalformed)
	}
	e := Event{
		OpenID: wxcast.OpenID(w.FromUserName), Account: foreign.Text(w.ToUserName, nameMax),
		CreatedAt: eventTime(w.CreateTime), Type: foreign.Text(w.MsgType, nameMax),
		Name: strings.ToLower(foreign.Text(w.Event, nameMax)), Key: foreign.Text(w.EventKey, keyMax),
		MsgID: int64(max(w.MsgID, w.MsgId)), Status: normalStatus(foreign.Text(w.Status, nameMax)),
		Content: foreign.Text(w.Content, contentMax),
	}
	for _, list := range []looseList{w.List, w.Popup.List, w.Change.List, w.Sent.List} {
		for _, item := range list {
			status := item.SubscribeStatusString
			if status == "" {
				status = item.ErrorStatus
			}
			if len(e.Items) < itemsMax {
				e.Items = append(e.Items, SubscribeItem{TemplateID: foreign.Text(item.TemplateID, nameMax),
					Status: foreign.Text(status, nameMax), MsgID: int64(item.MsgID), ErrorCode: int(item.ErrorCode)})
			}
		}
	}
	return e, nil
}

// What is kept of an event at most, in bytes: longer texts are cut. WeChat's own are shorter;
// a message of text has 2,048 bytes at most.
const (
	nameMax    = 128
	keyMax     = 1024
	contentMax = 8 << 10
	itemsMax   = 20
)

// WeChat is no older, and whose clock is that wrong tells nothing.
var (
	firstEvent = time.Date(2011, 1, 21, 0, 0, 0, 0, time.UTC)
	lastEvent  = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
)

// eventTime is a CreateTime; zero for one that cannot be.
func eventTime(seconds looseInt) time.Time {
	at := time.Unix(int64(seconds), 0).UTC()
	if at.Before(firstEvent) || at.After(lastEvent) {
		return time.Time{}
	}
	return at
}

// normalStatus takes the blank out of "failed: system failed", which the other
// failures do not have.
func normalStatus(status string) string {
	if reason, failed := strings.CutPrefix(status, "failed:"); failed {
		return "failed:" + strings.TrimSpace(reason)
	}
	return status
}
