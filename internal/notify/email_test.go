package notify_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"strings"
	"testing"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/notify"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// mailbox is a mail server for one message of a user with a password.
func mailbox(t *testing.T, password string) (address string, got <-chan []string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	lines := make(chan []string, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		var all []string
		defer func() { lines <- all }()
		say := func(text string) { fmt.Fprintf(conn, "%s\r\n", text) }
		say("220 mail.example ESMTP")
		in, data := bufio.NewScanner(conn), false
		for in.Scan() {
			line := in.Text()
			all = append(all, line)
			command, _, _ := strings.Cut(line, " ")
			switch {
			case data && line == ".":
				data = false
				say("250 taken")
			case data:
			case command == "EHLO":
				say("250-mail.example\r\n250 AUTH PLAIN")
			case command == "AUTH":
				if line == "AUTH PLAIN "+base64.StdEncoding.EncodeToString([]byte("\x00robot\x00"+password)) {
					say("235 welcome")
				} else {
					say("535 wrong: " + line)
				}
			case command == "DATA":
				data = true
				say("354 go on")
			case command == "QUIT":
				say("221 bye")
				return
			default:
				say("250 fine")
			}
		}
	}()
	return listener.Addr().String(), lines
}

func TestMail(t *testing.T) {
	report := wxcast.Notice{Key: "report:2026-11-20", Kind: wxcast.NoticeReport,
		Title: wxcast.Verbatim("wxcast 日报 2026-11-20（shop）"), Body: wxcast.Verbatim("粉丝：300"), RaisedAt: at}
	robot := func(address string) notify.Robot {
		return notify.Robot{
			Kind: "email", URL: config.Secret("smtp://robot@" + address + "?from=robot@shop.example&to=ops@shop.example,boss@shop.example"), Secret: config.Secret("PASSW0RD"),
			Page: func(context.Context, wxcast.Notice) ([]byte, error) { return []byte("<html>页面</html>"), nil },
		}
	}
	address, got := mailbox(t, "PASSW0RD")
	if err := robot(address).Tell(t.Context(), http.DefaultClient, report, "shop", at); err != nil {
		t.Fatal(err)
	}
	lines := <-got
	text := strings.Join(lines, "\n")
	for _, want := range []string{"MAIL FROM:<robot@shop.example>", "RCPT TO:<ops@shop.example>",
		"RCPT TO:<boss@shop.example>", "text/plain", "text/html", "report-2026-11-20.html"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in the mail:\n%s", want, text)
		}
	}
	_, message, _ := strings.Cut(text, "DATA\n")
	parsed, err := mail.ReadMessage(strings.NewReader(message))
	if err != nil {
		t.Fatal(err)
	}
	if subject, err := new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject")); err != nil ||
		subject != report.Title.String() {
		t.Errorf("%q %v", subject, err)
	}

	address, got = mailbox(t, "another")
	err = robot(address).Tell(t.Context(), http.DefaultClient, report, "shop", at)
	<-got
	encoded := base64.StdEncoding.EncodeToString([]byte("\x00robot\x00PASSW0RD"))
	if err == nil || strings.Contains(err.Error(), "PASSW0RD") || strings.Contains(err.Error(), encoded) ||
		!strings.Contains(err.Error(), "535") {
		t.Errorf("%v", err)
	}
	// A server elsewhere that offers no TLS gets no password.
	elsewhere := robot(strings.Replace(address, "127.0.0.1", "smtp.invalid", 1))
	if err := elsewhere.Tell(t.Context(), http.DefaultClient, report, "shop", at); err == nil {
		t.Error("it was sent nowhere")
	}
}

// A mail server with a certificate that nobody vouches for gets no password.
func TestAStrangersMailServerGetsNoPassword(t *testing.T) {
	stranger := httptest.NewUnstartedServer(nil)
	stranger.StartTLS() // only for its certificate
	stranger.Close()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: stranger.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	heard := make(chan int, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		n, _ := conn.Read(make([]byte, 1024))
		heard <- n
	}()
	robot := notify.Robot{Kind: "email", Secret: config.Secret("PASSW0RD"),
		URL: config.Secret("smtps://robot@" + listener.Addr().String() +
			"?from=robot@shop.example&to=ops@shop.example")}
	err = robot.Tell(t.Context(), http.DefaultClient, notice, "shop", at)
	if err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("%v, want a word about the certificate", err)
	}
	if n := <-heard; n > 0 {
		t.Errorf("the stranger got %d bytes", n)
	}
}
