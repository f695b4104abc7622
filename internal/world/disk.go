package world

import (
	"context"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"sync"
)

// sqliteConn is what database/sql uses of a connection of the driver's.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// turn is the right to write to a store's file, which one transaction has at a time. SQLite waits
// for it with the operating system's clock; here it is waited for with the world's.
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
	whole, ok := opened.(sqliteConn)
	if !ok {
		return nil, fmt.Errorf("the driver's %T does less than the store needs", opened)
	}
	// Who finds the file locked all the same tries again in the world's time: SQLite would sleep in
	// the operating system's, and keep the one processor that everybody has.
	if _, err := whole.ExecContext(ctx, "PRAGMA busy_timeout = 0", nil); err != nil {
		return nil, errors.Join(err, whole.Close())
	}
	return &storeConn{sqliteConn: whole, process: c.process}, nil
}

type storeConn struct {
	sqliteConn
	process *process
	last    []byte          // what it was asked last; a connection is used by one goroutine at a time
	tx      context.Context // of the transaction that it is in; nil for none
}

// step is a step of the process's that ends with the transaction, too: whoever ends that waits
// until its statements have ended, on a lock behind which no simulated time passes.
func (c *storeConn) step(ctx context.Context, what []byte) error {
	if c.tx != nil {
		both, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(c.tx, cancel)()
		ctx = both
	}
	return c.process.step(ctx, toStore, what)
}

// wordMost is the length of what people name things by; what is made up is longer.
const wordMost = 16

// asks is what a statement asks, but for when, and for what differs from run to run.
func (c *storeConn) asks(query string, args []driver.NamedValue) []byte {
	c.last = []byte(query)
	for _, a := range args {
		switch v := a.Value.(type) {
		case string:
			if len(v) <= wordMost {
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
	if c.tx != nil || !changes.MatchString(query) {
		return c.sqliteConn.QueryContext(ctx, query, args)
	}
	writing := c.process.world.writing
	if err := writing.take(ctx); err != nil {
		return nil, err
	}
	rows, err := c.sqliteConn.QueryContext(ctx, query, args)
	if err != nil {
		writing.leave()
		return nil, err
	}
	return &writtenRows{Rows: rows, writing: writing}, nil
}

// changes finds statements that write.
var changes = regexp.MustCompile(`(?i)\b(INSERT|UPDATE|DELETE)\b`)

// writtenRows are what a statement returns that writes: it is over when they are read.
type writtenRows struct {
	driver.Rows
	writing turn
	once    sync.Once
}

func (r *writtenRows) Close() error {
	defer r.once.Do(r.writing.leave)
	return r.Rows.Close()
}

func (c *storeConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.step(ctx, c.asks(query, args)); err != nil {
		return nil, err
	}
	if c.tx == nil {
		if err := c.process.world.writing.take(ctx); err != nil {
			return nil, err
		}
		defer c.process.world.writing.leave()
	}
	return c.sqliteConn.ExecContext(ctx, query, args)
}

func (c *storeConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if err := c.process.step(ctx, toStore, []byte("begin")); err != nil {
		return nil, err
	}
	if err := c.process.world.writing.take(ctx); err != nil {
		return nil, err
	}
	tx, err := c.sqliteConn.BeginTx(ctx, opts)
	if err != nil {
		c.process.world.writing.leave()
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
	err := t.Tx.Commit()
	t.over()
	if err != nil {
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
	defer t.over()
	return t.Tx.Rollback()
}

func (t *storeTx) over() {
	t.of.tx = nil
	t.of.process.world.writing.leave()
}
