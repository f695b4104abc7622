package simulator

import "time"

// sendAPI is the path that most of the knobs are about.
const sendAPI = "/cgi-bin/message/template/send"

// message is what one person has seen.
type message struct {
	person      uint32
	at          time.Time
	channel     string // "template", "subscribe", "service" or "notice"
	msgID       int64
	clientMsgID string
	page        string
}

// ledger is the truth about deliveries, to hold a client's own books against.
type ledger struct {
	messages     []message
	Deduplicated int // repeats of a client_msg_id, accepted and not shown again
	Held         int // messages held for review (40252)
	Permitted    int // subscribe messages and notices: each took a permit
}

func (l *ledger) add(m message) { l.messages = append(l.messages, m) }

// today counts the template messages that a person was shown on this Beijing day. It looks at all of
// the day's messages: only the knobs that limit a person ask for it.
func (l *ledger) today(person uint32, now time.Time) int {
	day, count := now.In(beijing).Format(time.DateOnly), 0
	for i := len(l.messages) - 1; i >= 0 && l.messages[i].at.In(beijing).Format(time.DateOnly) == day; i-- {
		if l.messages[i].person == person && l.messages[i].channel == "template" {
			count++
		}
	}
	return count
}

// callStats are the books of one API.
type callStats struct {
	Calls     int64 `json:"calls"`
	OverQuota int64 `json:"over_quota"`
	// PeakPerSecond is the most calls in any second of the clock.
	PeakPerSecond int64 `json:"peak_per_second"`
	// Refused counts what was answered with an errcode, by it.
	Refused  map[int]int64 `json:"refused,omitempty"`
	second   int64
	inSecond int64
}

func (c *callStats) refuse(code int) {
	if c.Refused == nil {
		c.Refused = map[int]int64{}
	}
	c.Refused[code]++
}

func (s *Server) callsTo(api string) *callStats {
	c := s.calls[api]
	if c == nil {
		c = &callStats{}
		s.calls[api] = c
	}
	return c
}

// count books a call.
func (s *Server) count(api string) {
	c := s.callsTo(api)
	c.Calls++
	if second := s.now().Unix(); second != c.second {
		c.second, c.inSecond = second, 0
	}
	c.inSecond++
	c.PeakPerSecond = max(c.PeakPerSecond, c.inSecond)
}

// tooFast refuses a send when this second's calls to its API are above the knob's rate.
func (s *Server) tooFast(api string) *fault {
	if s.knobs.MaxRate > 0 && s.callsTo(api).inSecond > int64(s.knobs.MaxRate) {
		return &fault{s.knobs.MaxRateCode, "api minute-quota reach limit mustslower retry next minute"}
	}
	return nil
}

// addressOf is the openid to which a message went.
func (s *Server) addressOf(m message) string {
	if m.channel == "subscribe" {
		return s.world.mini.encode(m.person)
	}
	return s.world.openid.encode(m.person)
}

// Received counts what each person was shown by a channel: "template", "subscribe", "service"
// or "notice". The key is the openid to which it went: a mini_openid for "subscribe".
func (s *Server) Received(channel string) map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := map[uint32]int{}
	for _, m := range s.ledger.messages {
		if m.channel == channel {
			counts[m.person]++
		}
	}
	out := make(map[string]int, len(counts))
	for person, count := range counts {
		out[s.addressOf(message{person: person, channel: channel})] = count
	}
	return out
}

// MessagesOf counts what one person was shown, by channel. id is either of the person's
// openids: both are the same person.
func (s *Server) MessagesOf(id string) map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]int{}
	n, ok := s.world.anyone(id)
	for _, m := range s.ledger.messages {
		if ok && m.person == n {
			out[m.channel]++
		}
	}
	return out
}
