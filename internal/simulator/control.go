package simulator

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/http"
	"strconv"
	"time"
)

// ControlPath is where the control plane begins; no path of WeChat's does.
const ControlPath = "/_sim/"

func (s *Server) controlRoutes() {
	s.mux.HandleFunc("GET "+ControlPath+"state", s.showState)
	s.mux.HandleFunc("GET "+ControlPath+"messages", s.showMessages)
	s.mux.HandleFunc("GET "+ControlPath+"mini.csv", s.showMiniUsers)
	s.mux.HandleFunc("GET "+ControlPath+"knobs", s.showKnobs)
	s.mux.HandleFunc("PATCH "+ControlPath+"knobs", s.turnKnobs)
	s.mux.HandleFunc("POST "+ControlPath+"followers/add", s.addFollowers)
	s.mux.HandleFunc("POST "+ControlPath+"followers/remove", s.removeFollowers)
	s.mux.HandleFunc("POST "+ControlPath+"clock", s.moveClock)
	s.mux.HandleFunc("POST "+ControlPath+"tokens/kill", s.killTokensNow)
	s.mux.HandleFunc("POST "+ControlPath+"reset", s.reset)
	s.mux.HandleFunc("POST "+ControlPath+"login-code", s.loginCodeFor)
	s.mux.HandleFunc("POST "+ControlPath+"permits", s.permitsFor)
	s.mux.HandleFunc("DELETE "+ControlPath+"permits", s.refusePermitsFor)
	s.mux.HandleFunc("POST "+ControlPath+"say", s.personDoes(s.Say, "text"))
	s.mux.HandleFunc("POST "+ControlPath+"tap", s.personDoes(s.Tap, "key"))
	s.mux.HandleFunc("POST "+ControlPath+"scan", s.personDoes(s.Scan, "scene"))
}

// State is the simulator's own account of what happened.
type State struct {
	Now          time.Time             `json:"now"`
	Followers    int                   `json:"followers"`
	Messages     int                   `json:"messages"`   // shown to people
	People       int                   `json:"people"`     // who saw at least one
	Duplicates   int                   `json:"duplicates"` // messages beyond a person's first
	Deduplicated int                   `json:"deduplicated"`
	Held         int                   `json:"held"`
	Permitted    int                   `json:"subscribe_messages"` // and notices
	ByChannel    map[string]int        `json:"by_channel"`         // messages, by template, subscribe, …
	MostPerson   int                   `json:"most_per_person"`    // messages to one person, over all channels
	TokenFetches int                   `json:"token_fetches"`
	TokenKills   int                   `json:"token_kills"`
	Callbacks    int64                 `json:"callbacks_delivered"`
	CallbackLost int64                 `json:"callbacks_lost"`
	Calls        map[string]*callStats `json:"calls"`
}

// State tells how things stand.
func (s *Server) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen, most := map[uint32]int{}, 0
	channels := map[string]int{"template": 0, "subscribe": 0, "service": 0, "notice": 0}
	for _, m := range s.ledger.messages {
		seen[m.person]++
		most = max(most, seen[m.person])
		channels[m.channel]++
	}
	calls := make(map[string]*callStats, len(s.calls))
	for api, c := range s.calls {
		copied := *c
		copied.Refused = maps.Clone(c.Refused)
		calls[api] = &copied
	}
	return State{
		Now: s.now(), Followers: int(s.listed) - len(s.gone),
		Messages: len(s.ledger.messages), People: len(seen), Duplicates: len(s.ledger.messages) - len(seen),
		Deduplicated: s.ledger.Deduplicated, Held: s.ledger.Held, Permitted: s.ledger.Permitted,
		ByChannel: channels, MostPerson: most,
		TokenFetches: s.tokensOf(s.AppID).fetches, TokenKills: s.tokensOf(s.AppID).kills,
		Callbacks: s.callbacks.delivered.Load(), CallbackLost: s.callbacks.lost.Load(), Calls: calls,
	}
}

// CallsTo is how many calls there were to an API, such as "/cgi-bin/user/get".
func (s *Server) CallsTo(api string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.callsTo(api).Calls
}

func (s *Server) showState(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.State()) }

// Message is what one person has seen.
type Message struct {
	OpenID      string    `json:"openid"` // to which it went: a mini_openid by "subscribe"
	Channel     string    `json:"channel"`
	MsgID       int64     `json:"msgid"`
	ClientMsgID string    `json:"client_msg_id"`
	PagePath    string    `json:"pagepath"`
	At          time.Time `json:"at"` // by the simulated clock, UTC
}

// Messages yields what people have seen so far, in order.
func (s *Server) Messages() iter.Seq[Message] {
	s.mu.Lock()
	messages := s.ledger.messages[:len(s.ledger.messages):len(s.ledger.messages)]
	s.mu.Unlock()
	return func(yield func(Message) bool) {
		for _, m := range messages {
			if !yield(Message{s.addressOf(m), m.channel, m.msgID, m.clientMsgID, m.page, m.at.UTC()}) {
				return
			}
		}
	}
}

// showMessages lists what people have seen, a JSON object a line.
func (s *Server) showMessages(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	enc := json.NewEncoder(w)
	for m := range s.Messages() {
		_ = enc.Encode(m)
	}
}

// MiniUser is a user of the mini program.
type MiniUser struct{ UnionID, OpenID string }

// MiniUsers yields the mini program's users: the followers among them, and a
// tenth as many strangers.
func (s *Server) MiniUsers() iter.Seq[MiniUser] {
	s.mu.Lock()
	listed := s.listed
	s.mu.Unlock()
	return func(yield func(MiniUser) bool) {
		for n := range listed {
			if s.world.person(n).isMiniUser && !yield(s.miniUser(n)) {
				return
			}
		}
		for n := range listed / 10 {
			if !yield(s.miniUser(strangers + n)) {
				return
			}
		}
	}
}

func (s *Server) miniUser(n uint32) MiniUser {
	return MiniUser{s.world.unionid.encode(n), s.world.mini.encode(n)}
}

// WriteMiniUsers writes the mini program's users as CSV: unionid,openid.
func (s *Server) WriteMiniUsers(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintln(out, "unionid,openid")
	for u := range s.MiniUsers() {
		fmt.Fprintf(out, "%s,%s\n", u.UnionID, u.OpenID)
	}
	return out.Flush()
}

func (s *Server) showMiniUsers(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	_ = s.WriteMiniUsers(w) // who asked is gone
}

func (s *Server) showKnobs(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.Knobs()) }

// turnKnobs changes the knobs that the JSON body names.
func (s *Server) turnKnobs(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	knobs := s.knobs
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&knobs); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.knobs = knobs.withDefaults()
	writeJSON(w, s.knobs)
}

// Knobs are the knobs as they stand.
func (s *Server) Knobs() Knobs {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.knobs
}

// SetKnobs changes the knobs from Go.
func (s *Server) SetKnobs(change func(*Knobs)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.knobs)
}

// addFollowers lets ?n= new people follow.
func (s *Server) addFollowers(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.ParseUint(r.FormValue("n"), 10, 31)
	if err != nil {
		http.Error(w, "n is not a number", http.StatusBadRequest)
		return
	}
	s.AddFollowers(int(n))
	writeJSON(w, s.State())
}

// AddFollowers lets n new people follow.
func (s *Server) AddFollowers(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range n {
		s.came[s.listed] = s.now()
		s.callbacks.send(event{from: s.world.openid.encode(s.listed), name: "subscribe"}, 0)
		s.listed++
	}
}

// removeFollowers lets ?n= people unfollow, the first who still follow, or the
// one that ?openid= names.
func (s *Server) removeFollowers(w http.ResponseWriter, r *http.Request) {
	if openid := r.FormValue("openid"); openid != "" {
		n, ok := s.world.openid.decode(openid)
		if !ok {
			http.Error(w, "nobody has this openid", http.StatusBadRequest)
			return
		}
		s.mu.Lock()
		s.leave(n)
		s.mu.Unlock()
	} else {
		n, err := strconv.Atoi(r.FormValue("n"))
		if err != nil || n < 0 {
			http.Error(w, "n is not a number", http.StatusBadRequest)
			return
		}
		s.RemoveFollowers(n)
	}
	writeJSON(w, s.State())
}

// RemoveFollowers lets the first n people who still follow leave.
func (s *Server) RemoveFollowers(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := uint32(0); i < s.listed && n > 0; i++ {
		if !s.gone[i] {
			s.leave(i)
			n--
		}
	}
}

// Followers yields everyone who follows now: openid, and the unionid that WeChat
// would tell, or "".
func (s *Server) Followers() iter.Seq2[string, string] {
	return func(yield func(openid, unionid string) bool) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for n := range s.listed {
			if s.gone[n] {
				continue
			}
			openid, unionid := s.FollowerIDs(int(n))
			if !s.world.person(n).hasUnionID {
				unionid = ""
			}
			if !yield(openid, unionid) {
				return
			}
		}
	}
}

// FollowerIDs are the openid and the unionid of the n-th follower of the seeded
// world, from 0, whether they have told their unionid or not.
func (s *Server) FollowerIDs(n int) (openid, unionid string) {
	return s.world.openid.encode(uint32(n)), s.world.unionid.encode(uint32(n))
}

// MiniOpenIDOf is the openid that the n-th follower of the seeded world has, or will have, in the
// mini program.
func (s *Server) MiniOpenIDOf(n int) string { return s.world.mini.encode(uint32(n)) }

// Leave lets the follower with this openid unfollow; nobody has a made-up one.
func (s *Server) Leave(openid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n, ok := s.world.openid.decode(openid); ok {
		s.leave(n)
	}
}

// Return lets a person who left follow again, at their old place in the list.
func (s *Server) Return(openid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n, ok := s.world.openid.decode(openid); ok && s.gone[n] {
		delete(s.gone, n)
		s.came[n] = s.now()
		s.callbacks.send(event{from: openid, name: "subscribe"}, 0)
	}
}

// leave lets a person unfollow. s.mu is held.
func (s *Server) leave(n uint32) {
	s.gone[n] = true
	delete(s.windows, n)
	s.callbacks.send(event{from: s.world.openid.encode(n), name: "unsubscribe"}, 0)
}

// reset forgets all that happened: the world is as the seed made it, with the
// followers that ?followers= asks for or as many as there are. The knobs stay.
func (s *Server) reset(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	if text := r.FormValue("followers"); text != "" {
		n, err := strconv.ParseUint(text, 10, 30)
		if err != nil {
			s.mu.Unlock()
			http.Error(w, "followers is not a number", http.StatusBadRequest)
			return
		}
		s.listed = uint32(n)
	}
	s.gone, s.came = map[uint32]bool{}, map[uint32]time.Time{}
	s.tokens, s.quotas, s.calls = map[string]*tokenState{}, map[string]*quotaState{}, map[string]*callStats{}
	s.codes, s.permits, s.ledger, s.clears, s.skew = map[string]loginCode{}, map[permit]int{}, ledger{}, map[string]int{}, 0
	s.visitors, s.windows, s.media = map[uint32]bool{}, map[uint32]*windows{}, map[string]time.Time{}
	s.pictures = nil
	s.scenes, s.qrCodes = map[string]time.Time{}, map[string]string{}
	s.window, s.contents, s.requested = newDedupWindow(), newDedupWindow(), &recentCalls{}
	s.mu.Unlock()
	writeJSON(w, s.State())
}

// loginCodeFor acts as wx.login of the mini user ?openid=.
func (s *Server) loginCodeFor(w http.ResponseWriter, r *http.Request) {
	code, ok := s.NewLoginCode(r.FormValue("openid"))
	if !ok {
		http.Error(w, "nobody in the mini program has this openid", http.StatusBadRequest)
		return
	}
	writeJSON(w, map[string]string{"code": code})
}

// permitsFor lets ?openid= accept the subscribe template ?template= ?n= times.
func (s *Server) permitsFor(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.Atoi(r.FormValue("n"))
	if err != nil || n < 1 || subscribeTemplateByID(r.FormValue("template")) == nil ||
		!s.GivePermits(r.FormValue("openid"), r.FormValue("template"), n) {
		http.Error(w, "openid, template and n must name a person, a template of the account, and a number",
			http.StatusBadRequest)
		return
	}
	writeJSON(w, s.State())
}

// moveClock moves the simulated clock by ?by=, such as 24h.
func (s *Server) moveClock(w http.ResponseWriter, r *http.Request) {
	by, err := time.ParseDuration(r.FormValue("by"))
	if err != nil {
		http.Error(w, "by is not a duration, such as 24h", http.StatusBadRequest)
		return
	}
	s.MoveClock(by)
	writeJSON(w, s.State())
}

// MoveClock moves the simulated clock.
func (s *Server) MoveClock(by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.skew += by
}

// killTokensNow kills the official account's tokens, or with ?app=mini the mini program's.
func (s *Server) killTokensNow(w http.ResponseWriter, r *http.Request) {
	appid := s.AppID
	if r.FormValue("app") == "mini" {
		appid = s.MiniAppID
	}
	s.mu.Lock()
	s.killTokens(appid)
	s.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

// refusePermitsFor lets ?openid= switch off the subscribe template ?template=.
func (s *Server) refusePermitsFor(w http.ResponseWriter, r *http.Request) {
	if !s.RefusePermits(r.FormValue("openid"), r.FormValue("template")) {
		http.Error(w, "nobody has this openid", http.StatusBadRequest)
		return
	}
	writeJSON(w, s.State())
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	_ = enc.Encode(v)
}
