package pgserver

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
)

// Pair is a primary with a synchronous standby: what is committed is on both, until Lag.
type Pair struct {
	// URL names both, and means the one that takes writes.
	URL     string
	primary *exec.Cmd
	standby *exec.Cmd
	primaryURL,
	standbyURL,
	dir string
	log *os.File
}

// StartPair starts a pair from local binaries.
func StartPair(ctx context.Context) (*Pair, error) {
	bin, err := findBinaries()
	if err != nil {
		return nil, err
	}
	p := &Pair{}
	if p.dir, err = os.MkdirTemp("", "wxcast-pair-"); err != nil {
		return nil, err
	}
	if err := p.start(ctx, bin); err != nil {
		p.Stop()
		return nil, err
	}
	return p, nil
}

func (p *Pair) start(ctx context.Context, bin string) error {
	attr, err := unprivileged(p.dir)
	if err != nil {
		return err
	}
	if p.log, err = os.Create(filepath.Join(p.dir, "log")); err != nil {
		return err
	}
	run := func(name string, args ...string) error {
		cmd := exec.CommandContext(ctx, filepath.Join(bin, name), args...)
		cmd.SysProcAttr, cmd.Dir = attr, p.dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", name, err, lastLine(out))
		}
		return nil
	}
	start := func(data string, port int) (*exec.Cmd, error) {
		cmd := exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-p", strconv.Itoa(port), "-k", p.dir, "-c",
			"listen_addresses=127.0.0.1", "-c", "max_connections=200")
		cmd.SysProcAttr, cmd.Dir, cmd.Stdout, cmd.Stderr = attr, p.dir, p.log, p.log
		return cmd, cmd.Start()
	}
	var ports [2]int
	for i := range ports {
		if ports[i], err = freePort(); err != nil {
			return err
		}
	}
	first, second := filepath.Join(p.dir, "first"), filepath.Join(p.dir, "second")
	if err := run("initdb", "-D", first, "-U", "wxcast", "--auth=trust", "--encoding=UTF8", "--no-locale",
		"--no-sync"); err != nil {
		return err
	}
	// A copy of one that has never run is a standby, where it is told whose.
	if err := copyStandby(attr, first, second, ports[0]); err != nil {
		return err
	}
	if p.primary, err = start(first, ports[0]); err != nil {
		return err
	}
	p.primaryURL = fmt.Sprintf("postgres://wxcast@127.0.0.1:%d/postgres?sslmode=disable", ports[0])
	if err := waitUntilUp(ctx, p.primaryURL); err != nil {
		return err
	}
	if p.standby, err = start(second, ports[1]); err != nil {
		return err
	}
	p.standbyURL = fmt.Sprintf("postgres://wxcast@127.0.0.1:%d/postgres?sslmode=disable", ports[1])
	if err := waitUntilUp(ctx, p.standbyURL); err != nil {
		return err
	}
	if err := set(ctx, p.primaryURL, "synchronous_standby_names = '*'"); err != nil {
		return err
	}
	p.URL = fmt.Sprintf("postgres://wxcast@127.0.0.1:%d,127.0.0.1:%d/postgres?sslmode=disable&target_session_attrs=read-write", ports[0], ports[1])
	return nil
}

// copyStandby copies a server's data as the user who owns them, and makes the copy its standby.
func copyStandby(attr *syscall.SysProcAttr, from, to string, primaryPort int) error {
	script := fmt.Sprintf(`cp -a "$1" "$2" && touch "$2/standby.signal" &&
echo "primary_conninfo = 'host=127.0.0.1 port=%d user=wxcast'" >> "$2/postgresql.auto.conf"`, primaryPort)
	cmd := exec.Command("sh", "-c", script, "sh", from, to)
	cmd.SysProcAttr = attr
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("copy a server: %w: %s", err, lastLine(out))
	}
	return nil
}

// StandbyURL names the standby alone.
func (p *Pair) StandbyURL() string { return p.standbyURL }

// Lag lets the standby stay behind: from now on the primary confirms what it alone has.
func (p *Pair) Lag(ctx context.Context) error {
	if err := set(ctx, p.primaryURL, "synchronous_standby_names = ''"); err != nil {
		return err
	}
	return p.Detach(ctx)
}

// Detach parts the standby from its primary, which waits for it with each COMMIT.
func (p *Pair) Detach(ctx context.Context) error {
	return set(ctx, p.standbyURL, "primary_conninfo = ''")
}

// PrimaryURL names the primary alone.
func (p *Pair) PrimaryURL() string { return p.primaryURL }

// set changes a setting of a server that runs.
func set(ctx context.Context, url, setting string) error {
	if err := exec1(ctx, url, "ALTER SYSTEM SET "+setting); err != nil {
		return err
	}
	return exec1(ctx, url, "SELECT pg_reload_conf()")
}

// Failover kills the primary and promotes the standby.
func (p *Pair) Failover(ctx context.Context) error {
	if p.primary == nil {
		return errors.New("the primary is dead already")
	}
	_ = p.primary.Process.Signal(syscall.SIGQUIT)
	_ = p.primary.Wait()
	p.primary = nil
	return exec1(ctx, p.standbyURL, "SELECT pg_promote()")
}

// Stop ends both and removes their data.
func (p *Pair) Stop() {
	for _, cmd := range []*exec.Cmd{p.primary, p.standby} {
		if cmd != nil && cmd.Process != nil {
			_ = cmd.Process.Signal(syscall.SIGQUIT)
			_ = cmd.Wait()
		}
	}
	if p.log != nil {
		_ = p.log.Close()
	}
	_ = os.RemoveAll(p.dir)
}

func exec1(ctx context.Context, url, statement string) error {
	db, err := sql.Open("postgres", url)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, statement)
	return err
}
