package pgserver

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
)

// Proxy stands between a store and a Postgres, and does what networks do: it loses an
// answer, or goes silent without closing anything.
type Proxy struct {
	listener net.Listener
	server   string
	lose     atomic.Pointer[loss]
	lost     atomic.Int64
	named    atomic.Int64
	poses    atomic.Bool
	forgets  atomic.Bool
	silent   atomic.Bool
	silentAt atomic.Pointer[string]
	silenced chan struct{}
	mu       sync.Mutex
	links    []*link
}

// loss is which answers are lost: of statements with this text in them, each every-th.
type loss struct {
	text  []byte
	every int64
	left  atomic.Int64 // how many more; negative for no end
	seen  atomic.Int64
}

// StartProxy begins one before the Postgres of a URL, and returns the URL that leads through
// it.
func StartProxy(rawURL string) (*Proxy, string, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, "", err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	p := &Proxy{listener: listener, server: u.Host, silenced: make(chan struct{})}
	go p.accept()
	u.Host = listener.Addr().String()
	q := u.Query()
	q.Set("sslmode", "disable") // it reads along
	u.RawQuery = q.Encode()
	return p, u.String(), nil
}

// LoseAnswers makes it lose the answers to the next statements with that text in them, and
// close their connections; every-th alone, where every is over 1.
func (p *Proxy) LoseAnswers(text string, times, every int64) {
	l := &loss{text: []byte(text), every: every}
	l.left.Store(times)
	p.lose.Store(l)
}

// Lost is how many answers were lost so far.
func (p *Proxy) Lost() int64 { return p.lost.Load() }

// Named is how many statements were prepared so far, to be run again.
func (p *Proxy) Named() int64 { return p.named.Load() }

// PoseAsPooler makes it tell new connections another number of their session than Postgres does,
// as a pooler.
func (p *Proxy) PoseAsPooler() { p.poses.Store(true) }

// Forget makes it lead statements that were prepared to where nobody has prepared them, as a
// pooler that hands sessions around.
func (p *Proxy) Forget() { p.forgets.Store(true) }

// Silence makes it pass nothing on, in any direction, and close nothing; or lets it go on
// with new connections: of the old ones only the server learns that they are gone, as it
// does by its keepalives.
func (p *Proxy) Silence(silent bool) {
	p.silent.Store(silent)
	if silent {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.links {
		if l.silenced.Load() {
			_ = l.server.Close()
		}
	}
}

// SilenceAt makes it go silent at the next statement with that text in it, which it does not
// pass on: so the server waits for it inside a transaction.
func (p *Proxy) SilenceAt(text string) { p.silentAt.Store(&text) }

// Silenced is closed once that has come.
func (p *Proxy) Silenced() <-chan struct{} { return p.silenced }

// Close ends it and all connections.
func (p *Proxy) Close() {
	_ = p.listener.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.links {
		l.close()
	}
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.server)
		if err != nil {
			_ = client.Close()
			continue
		}
		link := &link{proxy: p, client: client, server: server}
		p.mu.Lock()
		p.links = append(p.links, link)
		p.mu.Unlock()
		go link.up()
		go link.down()
	}
}

// link is one connection through the proxy.
type link struct {
	proxy          *Proxy
	client, server net.Conn
	swallow        atomic.Bool
	silenced       atomic.Bool
}

func (l *link) close() { _ = l.client.Close(); _ = l.server.Close() }

// quiet tells whether the link was silenced: once so, for ever.
func (l *link) quiet() bool {
	if l.proxy.silent.Load() {
		l.silenced.Store(true)
	}
	return l.silenced.Load()
}

// up passes messages on to the server, one by one after the first, which has no type.
func (l *link) up() {
	defer func() {
		if !l.quiet() {
			l.close()
		}
	}()
	texts := map[string][]byte{} // of prepared statements
	for first := true; ; first = false {
		head := make([]byte, 4, 5)
		if !first {
			head = head[:5]
		}
		if _, err := io.ReadFull(l.client, head); err != nil {
			return
		}
		size := int(binary.BigEndian.Uint32(head[len(head)-4:])) - 4
		if size < 0 || size > 1<<30 {
			return
		}
		body := make([]byte, size)
		if _, err := io.ReadFull(l.client, body); err != nil {
			return
		}
		var statement []byte // that is run
		if !first {
			statement = l.statement(head[0], body, texts)
		}
		if at := l.proxy.silentAt.Load(); at != nil && bytes.Contains(statement, []byte(*at)) {
			l.proxy.silentAt.Store(nil)
			l.proxy.Silence(true)
			close(l.proxy.silenced)
		}
		if l.quiet() {
			continue
		}
		if l.proxy.loses(statement) {
			l.swallow.Store(true)
		}
		if !first && head[0] == 'B' && l.proxy.forgets.Load() {
			if _, rest, ok := bytes.Cut(body, []byte{0}); ok && rest[0] != 0 {
				rest[0] ^= 1 // another's name
			}
		}
		if _, err := l.server.Write(append(head, body...)); err != nil {
			return
		}
	}
}

// statement is the text of what a message lets run; nil where it runs nothing.
func (l *link) statement(kind byte, body []byte, texts map[string][]byte) []byte {
	of, rest, _ := bytes.Cut(body, []byte{0})
	switch kind {
	case 'Q':
		return of
	case 'P':
		if len(of) == 0 { // it is run at once
			return rest
		}
		l.proxy.named.Add(1)
		texts[string(of)] = rest
	case 'B':
		name, _, _ := bytes.Cut(rest, []byte{0})
		return texts[string(name)]
	}
	return nil
}

// loses tells whether the answer to a statement is to be lost.
func (p *Proxy) loses(statement []byte) bool {
	l := p.lose.Load()
	if l == nil || !bytes.Contains(statement, l.text) || l.seen.Add(1)%max(1, l.every) != 0 {
		return false
	}
	return l.left.Add(-1) >= 0
}

// down passes answers back, and loses those that are to be lost: it waits until the server
// is ready for the next statement, and closes the connection.
func (l *link) down() {
	defer func() {
		if !l.quiet() {
			l.close()
		}
	}()
	for {
		head := make([]byte, 5)
		if _, err := io.ReadFull(l.server, head); err != nil {
			return
		}
		size := int(binary.BigEndian.Uint32(head[1:])) - 4
		if size < 0 || size > 1<<30 {
			return
		}
		body := make([]byte, size)
		if _, err := io.ReadFull(l.server, body); err != nil {
			return
		}
		if head[0] == 'K' && l.proxy.poses.Load() {
			body[3]++
		}
		switch {
		case l.quiet():
		case l.swallow.Load():
			if head[0] == 'Z' {
				l.proxy.lost.Add(1)
				return
			}
		default:
			if _, err := l.client.Write(append(head, body...)); err != nil {
				return
			}
		}
	}
}
