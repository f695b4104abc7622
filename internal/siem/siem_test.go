package siem_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/siem"
	"github.com/wxcast/wxcast/internal/wxcast"
)

func event(id int64) siem.Event {
	e := wxcast.AuditEntry{ID: id, Actor: "key ci", Action: "sync", Hash: "ab"}
	return siem.Event{Account: "shop", AuditEntry: e}
}

func TestEntriesGoToTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "audit.jsonl")
	s, err := siem.Open(file, "", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for i := range int64(50) {
		s.Write(event(i + 1))
	}
	s.Close()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(raw), []byte("\n"))
	var last map[string]any
	if err := json.Unmarshal(lines[len(lines)-1], &last); err != nil || len(lines) != 50 || last["id"] != 50.0 ||
		last["account"] != "shop" || last["actor"] != "key ci" {
		t.Errorf("%d lines, the last %s (%v)", len(lines), lines[len(lines)-1], err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v, want a file for its owner alone", info.Mode(), err)
	}
	if _, err := siem.Open(filepath.Join(file, "no"), "", slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a file that cannot be is taken")
	}
}

func TestEntriesGoToSyslog(t *testing.T) {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	s, err := siem.Open("", "udp://"+server.LocalAddr().String(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s.Write(event(7))
	_ = server.SetReadDeadline(time.Now().Add(5 * time.Second))
	packet := make([]byte, 2048)
	n, _, err := server.ReadFrom(packet)
	if got := string(packet[:n]); err != nil || !strings.HasPrefix(got, "<85>") || !strings.Contains(got, `"id":7`) {
		t.Errorf("%q (%v), want the entry as authpriv.notice", got, err)
	}
	s.Close()
}

// A server that takes nothing holds nobody up, and what it did not get is told.
func TestASilentServerHoldsNobodyUp(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = silent.Close() // nobody is there
	var told bytes.Buffer
	s, err := siem.Open("", "tcp://"+silent.Addr().String(), slog.New(slog.NewTextHandler(&told, nil)))
	if err != nil {
		t.Fatal(err)
	}
	s.Write(event(1))
	s.Close()
	if !strings.Contains(told.String(), "not handed on") {
		t.Errorf("the log says %q", told.String())
	}
	var none *siem.Sink
	none.Close()
}
