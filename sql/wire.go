package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lib/pq"
)

// cancelGrace is how long Postgres may take to say that it has cancelled a statement.
const cancelGrace = time.Second

// connectTime is how long it may take to connect to all of the hosts, one after another.
const connectTime = 15 * time.Second

// connector opens connections to Postgres whose statements end with their context. The
// driver asks the server to cancel, and reads on until it says so; a server that went
// silent without closing anything never does.
type connector struct {
	cfg    pq.Config
	shared *atomic.Bool // see preparingConn
}

// Connect opens one connection.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	one, err := pq.NewConnectorConfig(c.cfg)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	w := &wire{}
	one.Dialer(w)
	w.statement.watch(ctx, w)
	opened, err := one.Connect(ctx)
	if err != nil {
		return nil, err
	}
	conn := opened.(postgresConn)
	w.release() // what is dialled from now on is to cancel a statement
	w.statement.watch(ctx, w)
	own, err := ownSession(ctx, conn)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	w.release()
	pq.SetNoticeHandler(conn, func(notice *pq.Error) {
		if notice.Routine == "SyncRepWaitForLSN" {
			w.alone.Store(true)
		}
	})
	if own {
		return &wireConn{conn, preparingPostgres.conn(conn, c.shared), w}, nil
	}
	return &wireConn{conn, conn, w}, nil
}

// Driver is the driver that the connections are of.
func (c connector) Driver() driver.Driver { return &pq.Driver{} }

// driverConn is what database/sql uses of a driver's connection.
type driverConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// postgresConn is a connection of lib/pq's.
type postgresConn interface {
	driverConn
	driver.NamedValueChecker
}

// wireConn is a connection whose wire heeds the contexts of what it is asked.
type wireConn struct {
	postgresConn
	runs runner
	wire *wire
}

// runner runs statements.
type runner interface {
	driver.ExecerContext
	driver.QueryerContext
}

func (c *wireConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.wire.statement.watch(ctx, c.wire)
	return c.runs.QueryContext(ctx, query, args)
}

func (c *wireConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.wire.statement.watch(ctx, c.wire)
	c.wire.alone.Store(false)
	result, err := c.runs.ExecContext(ctx, query, args)
	if err == nil && c.wire.alone.Load() {
		return nil, errAlone
	}
	return result, err
}

// errAlone says that a statement was cancelled while it waited for the synchronous standby:
// Postgres answers that all is well, with a warning, and the primary alone has it.
var errAlone = errors.New("it is on the primary alone")

func (c *wireConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	c.wire.statement.watch(ctx, c.wire)
	return c.postgresConn.PrepareContext(ctx, query)
}

// BeginTx begins a transaction that ends with ctx, whatever the contexts of its statements.
func (c *wireConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	c.wire.transaction.watch(ctx, c.wire)
	tx, err := c.postgresConn.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	return wireTx{tx, c.wire}, nil
}

// wireTx is a transaction whose COMMIT we do not cancel. A server that waits for its synchronous
// standby would stop waiting, and say that all is well: what was confirmed would be lost with it.
// Without an answer, and where somebody else cancelled it, the next try finds out, and waits for
// the standby itself.
type wireTx struct {
	driver.Tx
	wire *wire
}

func (t wireTx) Commit() error {
	t.wire.commit(true)
	defer t.wire.commit(false)
	t.wire.alone.Store(false)
	if err := t.Tx.Commit(); err != nil {
		return err
	}
	if t.wire.alone.Load() {
		return errAlone
	}
	return nil
}

func (c *wireConn) Ping(ctx context.Context) error {
	c.wire.statement.watch(ctx, c.wire)
	return c.postgresConn.Ping(ctx)
}

// ResetSession is called before a connection is used again.
func (c *wireConn) ResetSession(ctx context.Context) error {
	c.wire.release()
	return c.postgresConn.ResetSession(ctx)
}

// wire is the network connection under one of the driver's, and who may end its waits.
type wire struct {
	mu                     sync.Mutex
	conn                   net.Conn
	ready                  bool // it is connected; what is dialled now is to cancel a statement
	committing             bool
	alone                  atomic.Bool // a warning said so: see errAlone
	statement, transaction watcher
}

// watcher ends what waits on a wire when a context ends.
type watcher struct {
	turn int // of the watch; one that is over must not end the next's waits
	stop func() bool
}

func (v *watcher) watch(ctx context.Context, w *wire) {
	w.mu.Lock()
	defer w.mu.Unlock()
	v.end()
	turn := v.turn
	v.stop = context.AfterFunc(ctx, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if v.turn == turn && w.conn != nil {
			_ = w.conn.SetDeadline(time.Now().Add(cancelGrace))
		}
	})
}

func (v *watcher) end() {
	v.turn++
	if v.stop != nil {
		v.stop()
		v.stop = nil
	}
}

// release lets the wire wait again as long as it likes.
func (w *wire) release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.statement.end()
	w.transaction.end()
	w.ready = true
	if w.conn != nil {
		_ = w.conn.SetDeadline(time.Time{})
	}
}

func (w *wire) commit(begins bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.committing = begins
}

// errCommitting answers the driver, which wants to cancel a COMMIT.
var errCommitting = errors.New("a COMMIT is not cancelled")

// DialContext connects to one of the hosts. The driver's requests to cancel come here, too, for
// connections of their own. The driver waits for them without an end: they have one here.
func (w *wire) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	w.mu.Lock()
	committing, cancels := w.committing, w.ready
	w.mu.Unlock()
	if committing {
		return nil, errCommitting
	}
	until := time.Now().Add(cancelGrace)
	if cancels {
		var end context.CancelFunc
		ctx, end = context.WithDeadline(ctx, until)
		defer end()
	}
	conn, err := (&net.Dialer{KeepAliveConfig: keepAlive}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if cancels {
		return cancelling{conn, until}, conn.SetDeadline(until)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conn = conn
	return conn, nil
}

// cancelling is a connection that is to cancel a statement. It ends in time, whatever the driver
// says, which gives it all the time that connecting may take.
type cancelling struct {
	net.Conn
	until time.Time
}

// SetDeadline sets one that is no later.
func (c cancelling) SetDeadline(t time.Time) error {
	if t.IsZero() || t.After(c.until) {
		t = c.until
	}
	return c.Conn.SetDeadline(t)
}

// keepAlive finds a host that died, or that a firewall has forgotten, in half a minute.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}

// Dial and DialTimeout are of the driver's older interface; it prefers DialContext.
func (w *wire) Dial(network, address string) (net.Conn, error) {
	return w.DialContext(context.Background(), network, address)
}

// DialTimeout is Dial within a time.
func (w *wire) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return w.DialContext(ctx, network, address)
}
