package simulator

import "time"

// sendAPI is the path that most of the knobs are about.
const sendAPI = "/cgi-bin/message/template/send"

// message is what one person has seen.
type message struct {
	person      uint32
	at          time.Time
	msgID       int64
	clientMsgID string
	page        string
}

// ledger is the truth about deliveries, to hold a client's own books against.
type ledger struct {
	messages     []message
	Deduplicated int // repeats of a client_msg_id, accepted and not shown again
	Held         int // messages held for review (40252)
	Permitted    int // subscribe messages
}

func (l *ledger) add(m message) { l.messages = append(l.messages, m) }

// today counts what a person was shown on this Beijing day. It looks at all of
// the day's messages: only the knobs that limit a person ask for it.
func (l *ledger) today(person uint32, now time.Time) int {
	day, count := now.In(beijing).Format(time.DateOnly), 0
	for i := len(l.messages) - 1; i >= 0 && l.messages[i].at.In(beijing).Format(time.DateOnly) == day; i-- {
		if l.messages[i].person == person {
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
	second        int64
	inSecond      int64
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

// tooFast tells whether this second's sends are above the knob's rate.
func (s *Server) tooFast() bool {
	return s.knobs.MaxRate > 0 && s.callsTo(sendAPI).inSecond > int64(s.knobs.MaxRate)
}
