package pgserver

import (
	"io"
	"net"
	"sync"
)

// Cable is a TCP address that leads to another, until it is pulled out: then nothing passes, and
// nothing is closed, as when a network is cut.
type Cable struct {
	listener net.Listener
	to       string

	mu     sync.Mutex
	pulled chan struct{} // closed while it is plugged in
	ends   map[net.Conn]bool
	closed bool
}

// NewCable leads to an address from one of its own.
func NewCable(to string) (*Cable, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &Cable{listener: listener, to: to, pulled: closedChan(), ends: map[net.Conn]bool{}}
	go c.accept()
	return c, nil
}

func closedChan() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// Address is where it begins.
func (c *Cable) Address() string { return c.listener.Addr().String() }

// Pull cuts it.
func (c *Cable) Pull() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pulled = make(chan struct{})
}

// Plug mends it: connections of before are gone, new ones pass.
func (c *Cable) Plug() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for end := range c.ends {
		_ = end.Close()
	}
	clear(c.ends)
	select {
	case <-c.pulled:
	default:
		close(c.pulled)
	}
}

// Close ends it and all connections.
func (c *Cable) Close() {
	_ = c.listener.Close()
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.Plug()
}

// plugged waits until it is plugged in.
func (c *Cable) plugged() {
	c.mu.Lock()
	wait := c.pulled
	c.mu.Unlock()
	<-wait
}

// keep remembers a connection's end, unless all is over.
func (c *Cable) keep(end net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		_ = end.Close()
		return false
	}
	c.ends[end] = true
	return true
}

func (c *Cable) forget(ends ...net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, end := range ends {
		_ = end.Close()
		delete(c.ends, end)
	}
}

func (c *Cable) accept() {
	for {
		near, err := c.listener.Accept()
		if err != nil {
			return
		}
		if c.keep(near) {
			go c.carry(near)
		}
	}
}

func (c *Cable) carry(near net.Conn) {
	c.plugged()
	far, err := net.Dial("tcp", c.to)
	if err != nil {
		c.forget(near)
		return
	}
	if !c.keep(far) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { c.pass(near, far) })
	both.Go(func() { c.pass(far, near) })
	both.Wait()
	c.forget(near, far)
}

// pass passes on what comes, and that there is no more.
func (c *Cable) pass(from, to net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		c.plugged()
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	if half, ok := to.(*net.TCPConn); ok {
		_ = half.CloseWrite()
	}
	_, _ = io.Copy(io.Discard, from)
}
