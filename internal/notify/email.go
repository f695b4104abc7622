package notify

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/wneessen/go-mail"

	"github.com/wxcast/wxcast/internal/value"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// mailServer is where mail goes, out of smtps://USER@HOST:PORT?from=A&to=B,C.
type mailServer struct {
	host, user string
	port       int
	tls        bool // from the beginning; else STARTTLS
	plain      bool // no TLS at all: a server on this machine
	from       string
	to         []string
}

func parseMailServer(text string) (m mailServer, err error) {
	u, err := url.Parse(text)
	if err != nil {
		return m, errors.New("its address is none")
	}
	m = mailServer{host: u.Hostname(), user: u.User.Username(), tls: u.Scheme == "smtps", from: u.Query().Get("from")}
	for to := range strings.SplitSeq(u.Query().Get("to"), ",") {
		if to = strings.TrimSpace(to); to != "" {
			m.to = append(m.to, to)
		}
	}
	if m.port, err = strconv.Atoi(u.Port()); err != nil {
		if m.port = 587; m.tls {
			m.port = 465
		}
	}
	m.plain = !m.tls && value.OnThisMachine(m.host)
	if m.host == "" || m.from == "" || len(m.to) == 0 {
		return m, errors.New("its address lacks host, from or to")
	}
	return m, nil
}

// mail sends a notice by SMTP; page, where there is one, is the same for browsers. Its
// error never holds the password.
func (r Robot) mail(ctx context.Context, n wxcast.Notice, page []byte) error {
	server, err := parseMailServer(r.URL.Reveal())
	if err != nil {
		return err
	}
	m := mail.NewMsg()
	if err := errors.Join(m.From(server.from), m.To(server.to...)); err != nil {
		return errors.New("from or to is no e-mail address")
	}
	m.Subject(r.title(n))
	m.SetBodyString(mail.TypeTextPlain, r.Lang.Say(n.Body)+"\n")
	if page != nil {
		m.AddAlternativeString(mail.TypeTextHTML, string(page))
		if err := m.AttachReader(strings.ReplaceAll(n.Key, ":", "-")+".html", bytes.NewReader(page)); err != nil { // some mail programs leave out pictures
			return err
		}
	}
	options := []mail.Option{mail.WithPort(server.port), mail.WithTimeout(tellTimeout),
		mail.WithTLSPolicy(mail.TLSMandatory)}
	switch {
	case server.tls:
		options = append(options, mail.WithSSL())
	case server.plain:
		options = append(options, mail.WithTLSPolicy(mail.TLSOpportunistic))
	}
	if server.user != "" {
		auth := mail.SMTPAuthAutoDiscover
		if server.plain {
			auth = mail.SMTPAuthPlainNoEnc
		}
		options = append(options, mail.WithSMTPAuth(auth), mail.WithUsername(server.user),
			mail.WithPassword(r.Secret.Reveal()))
	}
	client, err := mail.NewClient(server.host, options...)
	if err != nil {
		return err
	}
	if err := client.DialAndSendWithContext(ctx, m); err != nil {
		// Servers may answer with what they were sent.
		text := err.Error()
		if secret := r.Secret.Reveal(); secret != "" {
			login := base64.StdEncoding.EncodeToString([]byte("\x00" + server.user + "\x00" + secret))
			text = strings.NewReplacer(secret, "[secret]", login, "[secret]",
				base64.StdEncoding.EncodeToString([]byte(secret)), "[secret]").Replace(text)
		}
		return fmt.Errorf("the server did not take it: %s", text)
	}
	return nil
}

func (r Robot) tellByMail(ctx context.Context, n wxcast.Notice) (err error) {
	var page []byte
	if r.Page != nil && n.Kind == wxcast.NoticeReport {
		if page, err = r.Page(ctx, n); err != nil {
			return fmt.Errorf("email: %w", err)
		}
	}
	if err := r.mail(ctx, n, page); err != nil {
		return fmt.Errorf("email: %w", err)
	}
	return nil
}
