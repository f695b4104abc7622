package simulator

import (
	"strings"
	"time"
)

// window is a time in which a person may get customer-service messages.
type window struct {
	ends time.Time
	left int
}

// windows are a person's: one that they opened by writing, and one by a tap, a scan or a follow.
type windows struct{ message, tap window }

// openWindow opens the window that an event or a message of the official account's opens.
// Source: service/guide/product/kf/intro. A VIEW of the menu opens none. s.mu is held.
func (s *Server) openWindow(e event) {
	n, ok := s.world.openid.decode(e.from)
	if !ok || e.mini {
		return
	}
	w := s.windows[n]
	if w == nil {
		w = &windows{}
	}
	now, k := s.now(), &s.knobs
	switch {
	case e.text != "":
		if !k.KeepWindowCount || now.After(w.message.ends) {
			w.message.left = k.MessageWindowCount
		}
		w.message.ends = now.Add(time.Duration(k.MessageWindow))
	case e.name == "subscribe", e.name == "CLICK", e.name == "SCAN", strings.HasPrefix(e.name, "scancode_"):
		w.tap = window{now.Add(time.Duration(k.TapWindow)), k.TapWindowCount}
	default:
		return
	}
	s.windows[n] = w
}

// useWindow takes one message from a person's windows. It counts in each that is open: WeChat
// does not say in which, and so more than the larger count are never taken.
func (s *Server) useWindow(n uint32) *fault {
	w := s.windows[n]
	if w == nil {
		w = &windows{}
	}
	now, open, left := s.now(), false, 0
	for _, one := range []*window{&w.message, &w.tap} {
		if now.Before(one.ends) {
			open, left = true, max(left, one.left)
			one.left = max(0, one.left-1)
		}
	}
	switch {
	case !open:
		return &fault{45015, "response out of time limit or subscription is canceled"}
	case left == 0:
		return &fault{45047, "out of response count limit"}
	}
	return nil
}
