package access_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/access"
)

type secret string

func (s secret) Reveal() string { return string(s) }

// An issuer that does not answer keeps nobody longer than their own page.
func TestASilentIssuerKeepsNobody(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // and accepts nobody
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	i := &access.OIDC{Issuer: "http://" + l.Addr().String(), Client: access.Client{ID: "x", Secret: secret("y")}}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	begun := time.Now()
	done := make(chan error, 5)
	for range cap(done) {
		go func() {
			_, _, err := i.Begin(ctx, "")
			done <- err
		}()
	}
	for range cap(done) {
		if err := <-done; err == nil {
			t.Error("somebody was let go on without an issuer")
		}
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("five who had a tenth of a second waited for %v", took)
	}
}
