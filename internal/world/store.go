package world

import (
	"context"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
)

// storeDriver is what database/sql uses of a connection of a store's driver.
type storeDriver interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// engine is the database that a world's store is on. Its connections wait for each other in the
// world's time: what waits in the database's own keeps the world's from passing.
type engine interface {
	through(ctx context.Context, c storeDriver) (storeDriver, error)
}

// connector opens connections to the store for a process: each thing that it asks of the
// store is a step of its.
type connector struct {
	driver.Connector
	process *process
}

// Connect opens one connection.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	if err := c.process.step(ctx, toStore, []byte("connect")); err != nil {
		return nil, err
	}
	opened, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	whole, ok := opened.(storeDriver)
	if !ok {
		return nil, fmt.Errorf("the driver's %T does less than the store needs", opened)
	}
	through, err := c.process.world.engine.through(ctx, whole)
	if err != nil {
		return nil, errors.Join(err, whole.Close())
	}
	return &storeConn{storeDriver: through, process: c.process}, nil
}

type storeConn struct {
	storeDriver
	process *process
	last    []byte          // what it was asked last; a connection is used by one goroutine at a time
	tx      context.Context // of the transaction that it is in; nil for none
}

// within is a context that ends with a transaction's, too: whoever ends that waits until its
// statements have ended, on a lock behind which no simulated time passes. nil is for no transaction.
func within(ctx, tx context.Context) (context.Context, context.CancelFunc) {
	both, cancel := context.WithCancel(ctx)
	if tx == nil {
		return both, cancel
	}
	stop := context.AfterFunc(tx, cancel)
	return both, func() { stop(); cancel() }
}

// step is a step of the process's that ends with the transaction, too.
func (c *storeConn) step(ctx context.Context, what []byte) error {
	both, end := within(ctx, c.tx)
	defer end()
	return c.process.step(both, toStore, what)
}

// CheckNamedValue makes a value one that the driver takes.
func (c *storeConn) CheckNamedValue(v *driver.NamedValue) error {
	if own, ok := c.storeDriver.(driver.NamedValueChecker); ok {
		return own.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

// wordMost is the length of what people name things by; what is made up is longer.
const wordMost = 16

// ours begins the names that wxcast gives its workers and holders of locks in this program, which
// has another number each time.
var ours = func() string {
	host, _ := os.Hostname()
	return fmt.Sprintf("%s/%d/", host, os.Getpid())
}()

// asks is what a statement asks, but for when, and for what differs from run to run.
func (c *storeConn) asks(query string, args []driver.NamedValue) []byte {
	c.last = []byte(query)
	for _, a := range args {
		switch v := a.Value.(type) {
		case string:
			if len(v) <= wordMost && !strings.HasPrefix(v, ours) {
				c.last = append(c.last, v...)
			}
		case int64:
			c.last = binary.AppendVarint(c.last, v)
		}
	}
	return c.last
}

func (c *storeConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.step(ctx, c.asks(query, args)); err != nil {
		return nil, err
	}
	return c.storeDriver.QueryContext(ctx, query, args)
}

func (c *storeConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.step(ctx, c.asks(query, args)); err != nil {
		return nil, err
	}
	return c.storeDriver.ExecContext(ctx, query, args)
}

func (c *storeConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if err := c.process.step(ctx, toStore, []byte("begin")); err != nil {
		return nil, err
	}
	tx, err := c.storeDriver.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	c.tx = ctx
	return &storeTx{tx, c}, nil
}

type storeTx struct {
	driver.Tx
	of *storeConn
}

// errLostAnswer is what a process sees of a commit that happened, and whose answer was lost.
var errLostAnswer = errors.Join(errors.New("the world lost the answer to a commit"), driver.ErrBadConn)

// Commit commits, and may lose the answer or the process before or after it. It has no
// context: the store's own one is over by then.
func (t *storeTx) Commit() error {
	p := t.of.process
	if err := p.step(context.Background(), commit, t.of.last); err != nil {
		_ = t.Rollback() // as the death of its connection is
		return err
	}
	t.of.tx = nil
	if err := t.Tx.Commit(); err != nil {
		return err
	}
	if err := p.step(context.Background(), committed, t.of.last); err != nil {
		return err
	}
	if p.losesAnswer() {
		return errLostAnswer
	}
	return nil
}

// Rollback is what becomes of it when its process is killed, too.
func (t *storeTx) Rollback() error {
	t.of.tx = nil
	return t.Tx.Rollback()
}

// turn is the right to do something with a store, which one has at a time. It is waited for in the
// world's time.
type turn chan struct{}

func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t turn) leave() { <-t }
