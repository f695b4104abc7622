package world

import (
	"context"
	"net"
)

// wire is a connection of a process's: what is written to it and read from it are steps.
type wire struct {
	net.Conn
	process *process
}

func (w *wire) Write(b []byte) (int, error) {
	if err := w.process.step(context.Background(), toNetwork, b); err != nil {
		_ = w.Close()
		return 0, err
	}
	return w.Conn.Write(b)
}

func (w *wire) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	if n > 0 {
		if stepped := w.process.step(context.Background(), answered, nil); stepped != nil {
			_ = w.Close()
			return 0, stepped
		}
	}
	return n, err
}

// dial opens a connection for the process.
func (p *process) dial(ctx context.Context, _, address string) (net.Conn, error) {
	if err := p.step(ctx, toNetwork, []byte(address)); err != nil {
		return nil, err
	}
	if p.world.wechatAway.Load() {
		return nil, errRefused
	}
	c, err := p.world.network.dial(ctx, address)
	if err != nil {
		return nil, err
	}
	return &wire{p.lines.add(c), p}, nil
}

// taking is the process's listener.
type taking struct {
	net.Listener
	process *process
}

func (t taking) Accept() (net.Conn, error) {
	c, err := t.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &wire{t.process.lines.add(c), t.process}, nil
}
