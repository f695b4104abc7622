package world

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// network joins the world's processes without the operating system: a goroutine that waits for
// a connection of the system's would keep simulated time from passing.
type network struct {
	mu        sync.Mutex
	listeners map[string]*listener // by address
}

func newNetwork() *network { return &network{listeners: map[string]*listener{}} }

var (
	errRefused = &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	errClosed  = &net.OpError{Op: "accept", Net: "tcp", Err: net.ErrClosed}
)

// listen takes connections to an address.
func (n *network) listen(address string) net.Listener {
	l := &listener{network: n, address: address, incoming: make(chan net.Conn), closed: make(chan struct{})}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.listeners[address] = l
	return l
}

// dial connects to whoever listens at an address.
func (n *network) dial(ctx context.Context, address string) (net.Conn, error) {
	n.mu.Lock()
	l := n.listeners[address]
	n.mu.Unlock()
	if l == nil {
		return nil, errRefused
	}
	ours, theirs := net.Pipe()
	select {
	case l.incoming <- conn{theirs}:
		return conn{ours}, nil
	case <-l.closed:
		return nil, errRefused
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

type listener struct {
	network  *network
	address  string
	incoming chan net.Conn
	once     sync.Once
	closed   chan struct{}
}

// Accept waits for the next connection.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.incoming:
		return c, nil
	case <-l.closed:
		return nil, errClosed
	}
}

// Close ends Accept.
func (l *listener) Close() error {
	l.once.Do(func() {
		close(l.closed)
		l.network.mu.Lock()
		defer l.network.mu.Unlock()
		if l.network.listeners[l.address] == l {
			delete(l.network.listeners, l.address)
		}
	})
	return nil
}

// Addr is where it listens.
func (*listener) Addr() net.Addr { return here }

var here = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80}

// conn is a pipe that looks like a connection from this machine.
type conn struct{ net.Conn }

func (conn) LocalAddr() net.Addr  { return here }
func (conn) RemoteAddr() net.Addr { return here }

// lines are the connections of one process, which end with it.
type lines struct {
	mu   sync.Mutex
	open map[*line]bool
	cut  bool
}

// line is one of them.
type line struct {
	net.Conn
	of *lines
}

// add takes a connection in; it is closed at once where the process is dead.
func (l *lines) add(c net.Conn) net.Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	added := &line{c, l}
	if l.cut {
		_ = c.Close()
		return added
	}
	if l.open == nil {
		l.open = map[*line]bool{}
	}
	l.open[added] = true
	return added
}

// Close ends one.
func (c *line) Close() error {
	c.of.mu.Lock()
	delete(c.of.open, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// closeAll ends all of them, and those that are added later.
func (l *lines) closeAll() {
	l.mu.Lock()
	all := l.open
	l.open, l.cut = nil, true
	l.mu.Unlock()
	for c := range all {
		_ = c.Conn.Close()
	}
}

// wait sleeps, but not beyond ctx.
func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
