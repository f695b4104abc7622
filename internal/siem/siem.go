// Package siem hands the audit log on, to a file or a syslog server, from where a company's
// own system (SIEM) reads it. The store's log is the one that counts: what cannot be handed on
// is told in the log of the process, and nothing waits for it.
package siem

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"github.com/wxcast/wxcast/internal/private"
	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	// waiting is how many entries wait for a slow server.
	waiting = 1000
	// closeWithin is how long the last of them have.
	closeWithin = 2 * time.Second
)

// Event is an entry with the name of its account.
type Event struct {
	Account string `json:"account"`
	wxcast.AuditEntry
}

// Sink hands entries on. The nil Sink hands nothing on.
type Sink struct {
	log    *slog.Logger
	outs   []func(line []byte) error
	lines  chan []byte
	closed chan struct{}

	mu   sync.Mutex
	over bool // nothing more is taken
}

// Open opens a sink; both addresses may be "". Errors are wxcast.Said.
func Open(file, server string, log *slog.Logger) (*Sink, error) {
	if file == "" && server == "" {
		return nil, nil
	}
	s := &Sink{log: log, lines: make(chan []byte, waiting), closed: make(chan struct{})}
	if file != "" {
		if err := toFile(file)(nil); err != nil {
			return nil, wxcast.NewError("audit.sink", "where", file, "why", err).Of(err)
		}
		s.outs = append(s.outs, toFile(file))
	}
	if server != "" {
		u, err := url.Parse(server)
		if err != nil {
			return nil, wxcast.NewError("audit.sink", "where", server, "why", err).Of(err)
		}
		s.outs = append(s.outs, toSyslog(u))
	}
	go s.run()
	return s, nil
}

// Write hands an entry on, later. One that finds too many waiting is left out.
func (s *Sink) Write(e Event) {
	line, err := json.Marshal(e)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		err = errClosed
	}
	if err == nil {
		select {
		case s.lines <- line:
			return
		default:
			err = errFull
		}
	}
	s.log.Error("an entry of the audit log was not handed on", "id", e.ID, "err", err)
}

var (
	errFull   = errors.New("the server is too slow, and too many entries wait")
	errClosed = errors.New("the program has ended")
)

// Close hands on what waits.
func (s *Sink) Close() {
	if s == nil {
		return
	}
	s.mu.Lock()
	again := s.over
	s.over = true
	s.mu.Unlock()
	if again {
		return
	}
	close(s.lines)
	select {
	case <-s.closed:
	case <-time.After(closeWithin):
		s.log.Error("the last entries of the audit log were not handed on", "n", len(s.lines))
	}
}

func (s *Sink) run() {
	defer close(s.closed)
	for line := range s.lines {
		for _, out := range s.outs {
			if err := out(line); err != nil {
				s.log.Error("an entry of the audit log was not handed on", "err", err)
			}
		}
	}
}

// toFile adds lines to a file, which is opened each time: it may have been moved away and
// begun anew in between.
func toFile(file string) func([]byte) error {
	return func(line []byte) error {
		f, err := private.Append(file)
		if err != nil {
			return err
		}
		if len(line) > 0 {
			_, err = f.Write(append(line, '\n'))
		}
		return errors.Join(err, f.Close())
	}
}
