// Package simulator acts as WeChat's server API over real HTTP: stateful,
// seeded, and strict. README.md says what it does not imitate.
//
// It shares no wire type with the adapter: a mistake that both made would pass
// every test.
package simulator

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Options make a world.
type Options struct {
	Followers int    // people who follow the account
	Seed      uint64 // the same seed gives the same world, as of the week in which it begins
	Knobs     Knobs
	Shares    Shares
	// Dial opens connections for callbacks; nil for this machine's network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// DefaultShares are those of a middling account: most followers have a unionid,
// three in five of them use the mini program, and one in a hundred has just left.
var DefaultShares = Shares{WithUnionID: 0.95, MiniUser: 0.6, Unreachable: 0.01}

// Server is one official account with its mini program. It is an http.Handler,
// safe for concurrent use.
type Server struct {
	Credentials
	world *world
	mux   *http.ServeMux

	mu        sync.Mutex
	knobs     Knobs
	random    *rand.Rand
	skew      time.Duration // the simulated clock minus the real one
	listed    uint32        // people numbered below it exist
	gone      map[uint32]bool
	came      map[uint32]time.Time   // those who came, or came back, since the beginning
	tokens    map[string]*tokenState // by appid
	quotas    map[string]*quotaState // by API path
	window    *dedupWindow           // client_msg_ids
	contents  *dedupWindow           // what each person was shown, for the duplicate filter
	codes     map[string]loginCode
	permits   map[permit]int
	visitors  map[uint32]bool      // mini users since the beginning
	inFlight  map[string]bool      // openids to which a subscribe message is under way
	windows   map[uint32]*windows  // of those who may get customer-service messages
	media     map[string]time.Time // media ids, and when they end
	pictures  []string             // SHA-256 of those that were uploaded, one after another
	scenes    map[string]time.Time // of QR codes, and when they end
	qrCodes   map[string]string    // their scenes, by what the codes say
	clears    map[string]int       // quota clears of this month, by appid
	requested *recentCalls
	callbacks *callbackQueue
	ledger    ledger
	calls     map[string]*callStats // by API path
	lastMsgID int64
	requests  uint32
}

// Credentials are what a client of the simulated account is configured with.
type Credentials struct {
	AppID          string `json:"appid"`
	Secret         string `json:"secret"`
	MiniAppID      string `json:"mini_appid"`
	MiniSecret     string `json:"mini_secret"`
	Token          string `json:"token"`
	EncodingAESKey string `json:"encoding_aes_key"`
	MiniToken      string `json:"mini_token"`
	MiniAESKey     string `json:"mini_encoding_aes_key"`
	TemplateID     string `json:"template_id"`
}

// New makes a simulator. A zero Shares means DefaultShares.
func New(o Options) *Server {
	if o.Shares == (Shares{}) {
		o.Shares = DefaultShares
	}
	s := &Server{
		Credentials: Credentials{
			AppID:          fmt.Sprintf("wx%016x", o.Seed*2+0x51c0),
			Secret:         fmt.Sprintf("%032x", o.Seed*31+0x5ec2e7),
			MiniAppID:      fmt.Sprintf("wx%016x", o.Seed*2+0x51c1),
			MiniSecret:     fmt.Sprintf("%032x", o.Seed*31+0x5ec2e8),
			Token:          "simtoken",
			EncodingAESKey: "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
			MiniToken:      "simminitoken",
			MiniAESKey:     "GFEDCBA9876543210zyxwvutsrqponmlkjihgfedcba",
			TemplateID:     templates[0].ID,
		},
		world:  newWorld(o.Seed, o.Shares),
		mux:    http.NewServeMux(),
		knobs:  o.Knobs.withDefaults(),
		random: rand.New(rand.NewPCG(o.Seed, 1)),
		listed: uint32(o.Followers),
		gone:   map[uint32]bool{}, came: map[uint32]time.Time{},
		tokens:    map[string]*tokenState{},
		quotas:    map[string]*quotaState{},
		window:    newDedupWindow(),
		contents:  newDedupWindow(),
		codes:     map[string]loginCode{},
		permits:   map[permit]int{},
		visitors:  map[uint32]bool{},
		inFlight:  map[string]bool{},
		windows:   map[uint32]*windows{},
		media:     map[string]time.Time{},
		scenes:    map[string]time.Time{},
		qrCodes:   map[string]string{},
		clears:    map[string]int{},
		requested: &recentCalls{},
		calls:     map[string]*callStats{},
		lastMsgID: 3_264_439_863_978_712_000, // above 2^53, as the real ones
	}
	s.callbacks = newCallbackQueue(s, o.Dial)
	s.routes()
	return s
}

// Close ends the delivery of callbacks.
func (s *Server) Close() { s.callbacks.close() }

// ServeHTTP answers as WeChat does, or as the control plane under /_sim/. Where the clock was
// moved, so is the time that each answer shows.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	skew := s.skew
	s.mu.Unlock()
	if skew != 0 {
		w.Header().Set("Date", time.Now().Add(skew).UTC().Format(http.TimeFormat))
	}
	s.mux.ServeHTTP(w, r)
}

func (s *Server) routes() {
	s.mux.HandleFunc("/cgi-bin/stable_token", s.api(s.stableToken))
	s.mux.HandleFunc("/cgi-bin/token", s.api(s.plainToken))
	s.mux.HandleFunc("/cgi-bin/user/get", s.authorised(http.MethodGet, s.userGet))
	s.mux.HandleFunc("/cgi-bin/user/info", s.authorised(http.MethodGet, s.userInfo))
	s.mux.HandleFunc("/cgi-bin/user/info/batchget", s.authorised(http.MethodPost, s.userBatchGet))
	s.mux.HandleFunc("/cgi-bin/template/get_all_private_template", s.authorised(http.MethodGet, s.templateList))
	s.mux.HandleFunc("/cgi-bin/message/template/send", s.authorised(http.MethodPost, s.templateSend))
	s.mux.HandleFunc("/cgi-bin/tags/get", s.authorised(http.MethodGet, s.tagsGet))
	s.mux.HandleFunc("/cgi-bin/user/tag/get", s.authorised(http.MethodPost, s.tagFollowers))
	s.mux.HandleFunc("/cgi-bin/tags/getidlist", s.authorised(http.MethodPost, s.tagsOfFollower))
	s.mux.HandleFunc(noticeAPI, s.authorisedFor(s.either, http.MethodPost, s.bizSend))
	s.mux.HandleFunc(subscribeAPI, s.authorisedFor(s.mini, http.MethodPost, s.subscribeSend))
	s.mux.HandleFunc("/wxaapi/newtmpl/gettemplate",
		s.authorisedFor(s.either, http.MethodGet, s.subscribeTemplates))
	s.mux.HandleFunc(customAPI, s.authorised(http.MethodPost, s.customSend))
	s.mux.HandleFunc(uploadAPI, s.authorised(http.MethodPost, s.mediaUpload))
	s.mux.HandleFunc(qrCodeAPI, s.authorised(http.MethodPost, s.qrCode))
	s.mux.HandleFunc("/sns/jscode2session", s.api(s.codeToSession))
	s.mux.HandleFunc("/cgi-bin/get_current_autoreply_info", s.authorised(http.MethodGet, s.autoReplies))
	s.mux.HandleFunc("/cgi-bin/get_current_selfmenu_info", s.authorised(http.MethodGet, s.menu))
	s.mux.HandleFunc("/cgi-bin/openapi/quota/get", s.authorisedFor(s.either, http.MethodPost, s.quotaGet))
	s.mux.HandleFunc("/cgi-bin/openapi/rid/get", s.authorised(http.MethodPost, s.ridGet))
	s.mux.HandleFunc("/cgi-bin/clear_quota", s.authorisedFor(s.either, http.MethodPost, s.clearQuota))
	s.mux.HandleFunc("/cgi-bin/clear_quota/v2", s.api(s.clearQuotaBySecret))
	s.mux.HandleFunc("/cgi-bin/message/wxopen/template/send",
		s.api(retired(46101, "not support since 2020-01-11 00:00:00, use subscribeMessage.send instead")))
	s.mux.HandleFunc("/cgi-bin/message/wxopen/template/uniform_send",
		s.api(retired(45109, "This API has been unsupported")))
	s.controlRoutes()
}

// now is the simulated time. s.mu is held.
func (s *Server) now() time.Time { return time.Now().Add(s.skew) }

// fault is an answer with an errcode.
type fault struct {
	code int
	msg  string
}

// call is one request to the API while it is answered.
type call struct {
	*http.Request
	api  string
	rid  string
	body []byte
	// appid is whose token it bears, where the endpoint asks for one.
	appid string
	held  string // the openid that it keeps others from: see hold
	// rawRemarks are put into the answer as they stand, by openid.
	rawRemarks map[string]string
}

// respond is what an endpoint does with a call: a body to marshal, or a fault.
// It runs with s.mu held.
type respond func(c *call) (any, *fault)

// authorised wraps an endpoint that wants the official account's access token:
// token, method and quota are checked, in this order.
func (s *Server) authorised(method string, next respond) http.HandlerFunc {
	return s.authorisedFor(s.official, method, next)
}

// official, mini and either say whose token an endpoint takes from a call: they are asked at
// each one, since a test may change the account's appid.
func (s *Server) official(*call) string { return s.AppID }
func (s *Server) mini(*call) string     { return s.MiniAppID }
func (s *Server) either(c *call) string {
	if f := s.checkToken(c, s.MiniAppID); f == nil || f.code == 42001 {
		return s.MiniAppID
	}
	return s.AppID
}

func (s *Server) authorisedFor(whose func(*call) string, method string, next respond) http.HandlerFunc {
	return s.api(func(c *call) (any, *fault) {
		if c.appid = whose(c); c.appid == s.AppID {
			if f := s.checkIP(c); f != nil {
				return nil, f
			}
		}
		if f := s.checkToken(c, c.appid); f != nil {
			return nil, f
		}
		if method == http.MethodPost && c.Method != http.MethodPost {
			return nil, &fault{43002, "require POST method"}
		}
		if f := s.spendQuota(c.api, 1); f != nil {
			return nil, f
		}
		var out any
		var f *fault
		if code := s.knobs.RefuseAPI[c.api]; code != 0 {
			f = &fault{code, "refused by a knob"}
		} else {
			out, f = next(c)
		}
		if f != nil {
			s.callsTo(c.api).refuse(f.code)
		}
		if f != nil && s.knobs.RefusedAreFree {
			s.quotaOf(c.api).used--
		}
		return out, f
	})
}

// writeReply writes an answer as WeChat does: a fault with 200, its rid behind the
// errmsg, with a comma in the /sns/ family.
func (s *Server) writeReply(w http.ResponseWriter, c *call, out any, f *fault, slow time.Duration) {
	contentType, beforeRID := "application/json; encoding=utf-8", " rid: " // seen in a logged answer
	if strings.HasPrefix(c.api, "/sns/") {
		contentType, beforeRID = "text/plain", ", rid: "
	}
	w.Header().Set("Content-Type", contentType)
	if f != nil {
		out = struct {
			ErrCode int    `json:"errcode"`
			ErrMsg  string `json:"errmsg"`
		}{f.code, f.msg + beforeRID + c.rid}
	}
	raw := wire(out)
	for openid, remark := range c.rawRemarks {
		raw = bytes.ReplaceAll(raw, []byte(rawRemark(openid)), []byte(remark))
	}
	if slow == 0 {
		_, _ = w.Write(raw) // the client is gone: nobody to tell
		return
	}
	_, _ = w.Write(raw[:len(raw)/2])
	if flusher, ok := w.(http.Flusher); ok {
		flusher.Flush()
	}
	time.Sleep(slow)
	_, _ = w.Write(raw[len(raw)/2:])
}

// nextRID makes a request id as WeChat's: it begins with the second of the call.
func (s *Server) nextRID() string {
	s.requests++
	return fmt.Sprintf("%08x-%08x-%08x", uint32(s.now().Unix()), s.requests, uint32(s.world.hash(s.requests, 9)))
}
