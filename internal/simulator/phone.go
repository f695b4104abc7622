package simulator

import "net/http"

// What a follower does on their phone. Each is told to the account's server, opens a window for
// customer-service messages, and is false for who does not follow.

// Say lets a follower write to the account.
func (s *Server) Say(openid, text string) bool {
	return text != "" && s.does(openid, event{text: text})
}

// Tap lets a follower tap a CLICK button of the menu.
func (s *Server) Tap(openid, key string) bool { return s.does(openid, event{name: "CLICK", key: key}) }

// Scan lets a person scan one of the account's QR codes, by its scene or by what it says: who does
// not follow does so by it. It is false for a code that has ended.
func (s *Server) Scan(openid, scene string) bool {
	s.mu.Lock()
	if of, ok := s.qrCodes[scene]; ok {
		scene = of
	}
	until, known := s.scenes[scene]
	ended := known && s.now().After(until)
	n, ok := s.world.openid.decode(openid)
	if !ended && ok && n < s.listed && s.gone[n] {
		delete(s.gone, n)
		s.came[n] = s.now()
		s.callbacks.send(event{from: openid, name: "subscribe", key: "qrscene_" + scene}, 0)
		s.mu.Unlock()
		return true
	}
	s.mu.Unlock()
	return !ended && s.does(openid, event{name: "SCAN", key: scene})
}

func (s *Server) does(openid string, e event) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, ok := s.world.openid.decode(openid)
	if !ok || n >= s.listed || s.gone[n] {
		return false
	}
	e.from = openid
	if e.text != "" {
		s.lastMsgID++
		e.msgID = s.lastMsgID
	}
	s.callbacks.send(e, 0)
	return true
}

// personDoes lets ?openid= do one of these; param names what with.
func (s *Server) personDoes(do func(openid, with string) bool, param string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !do(r.FormValue("openid"), r.FormValue(param)) {
			http.Error(w, "openid must name a follower, and a text must not be empty", http.StatusBadRequest)
			return
		}
		writeJSON(w, s.State())
	}
}
