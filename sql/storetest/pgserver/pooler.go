package pgserver

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// Pooler is a pgbouncer in transaction mode before a server: it hands each transaction to
// whichever connection is free.
type Pooler struct {
	URL string
	dir string
	cmd *exec.Cmd
}

// StartPooler starts one before a server; as root it installs Debian's package if it must.
func StartPooler(ctx context.Context, server string) (*Pooler, error) {
	bin, err := exec.LookPath("pgbouncer")
	if err != nil {
		bin = "/usr/sbin/pgbouncer"
	}
	if _, err := os.Stat(bin); err != nil {
		if os.Getuid() != 0 {
			return nil, fmt.Errorf("%w: there is no pgbouncer, and only root can install it", ErrNotHere)
		}
		if err := aptInstall(ctx, "pgbouncer"); err != nil {
			return nil, fmt.Errorf("%w: pgbouncer: %w", ErrNotHere, err)
		}
	}
	u, err := url.Parse(server)
	if err != nil {
		return nil, err
	}
	p := &Pooler{}
	if p.dir, err = os.MkdirTemp("", "wxcast-pooler-"); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	config := fmt.Sprintf(`[databases]
* = host=127.0.0.1 port=%s user=%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 20
max_client_conn = 500
ignore_startup_parameters = extra_float_digits
logfile = %s
`, u.Port(), u.User.Username(), port, filepath.Join(p.dir, "log"))
	file := filepath.Join(p.dir, "pgbouncer.ini")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		return nil, err
	}
	attr, err := unprivileged(p.dir)
	if err != nil {
		return nil, err
	}
	p.cmd = exec.Command(bin, "-q", file)
	p.cmd.SysProcAttr, p.cmd.Dir = attr, p.dir
	if err := p.cmd.Start(); err != nil {
		p.Stop()
		return nil, err
	}
	u.Host = fmt.Sprintf("127.0.0.1:%d", port)
	p.URL = u.String()
	if err := waitUntilUp(ctx, p.URL); err != nil {
		p.Stop()
		return nil, fmt.Errorf("pgbouncer: %w", err)
	}
	return p, nil
}

// Stop ends the pooler.
func (p *Pooler) Stop() {
	if p.cmd != nil && p.cmd.Process != nil {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		_ = p.cmd.Wait()
	}
	_ = os.RemoveAll(p.dir)
}
