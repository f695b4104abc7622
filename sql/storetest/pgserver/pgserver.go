// Package pgserver starts a private Postgres for tests: from local binaries, from
// Docker, or from Debian's package where it may install that.
package pgserver

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	_ "github.com/lib/pq"
)

// Fast are settings of a server whose data nobody needs after a power cut.
var Fast = []string{"-c", "fsync=off", "-c", "full_page_writes=off"}

// Server is a private Postgres.
type Server struct {
	URL  string
	How  string // for people
	stop func()
	// restart stops it as a power cut does, and starts it again.
	restart func(ctx context.Context) error
}

// Stop ends the server and removes its data.
func (s *Server) Stop() { s.stop() }

// Restart kills the server, and starts it again on the same data and port.
func (s *Server) Restart(ctx context.Context) error {
	if err := s.restart(ctx); err != nil {
		return err
	}
	return waitUntilUp(ctx, s.URL)
}

// Start tries each way to a Postgres in turn; its error says why each failed.
// settings are arguments of the server, such as Fast.
func Start(ctx context.Context, settings []string) (*Server, error) {
	var failed []error
	for _, way := range []struct {
		name  string
		start func(context.Context, []string) (*Server, error)
	}{
		{"local binaries", fromLocalBinaries},
		{"Docker", fromDocker},
		{"Debian's package", fromDebianPackage},
	} {
		s, err := way.start(ctx, settings)
		if err == nil {
			return s, nil
		}
		failed = append(failed, fmt.Errorf("  %s: %w", way.name, err))
	}
	return nil, errors.Join(failed...)
}

func fromLocalBinaries(ctx context.Context, settings []string) (*Server, error) {
	return StartIn(ctx, "", settings)
}

// StartIn starts a private server from an installed Postgres, with its data inside a
// folder that everybody may enter; "" is the usual one for temporary files.
func StartIn(ctx context.Context, parent string, settings []string) (*Server, error) {
	bin, err := findBinaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(parent, "wxcast-postgres-")
	if err != nil {
		return nil, err
	}
	attr, err := unprivileged(dir)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "-D", data, "-U", "wxcast", "--auth=trust",
		"--encoding=UTF8", "--no-locale", "--no-sync")
	initdb.SysProcAttr, initdb.Dir = attr, dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, lastLine(out))
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	args := append([]string{"-D", data, "-p", strconv.Itoa(port), "-k", dir, "-c", "listen_addresses=127.0.0.1", "-c",
		"max_connections=200"}, settings...)
	var postgres *exec.Cmd
	start := func() error {
		postgres = exec.Command(filepath.Join(bin, "postgres"), args...)
		postgres.SysProcAttr, postgres.Dir, postgres.Stdout, postgres.Stderr = attr, dir, log, log
		return postgres.Start()
	}
	if err := start(); err != nil {
		return nil, err
	}
	end := func(how os.Signal) {
		_ = postgres.Process.Signal(how)
		_ = postgres.Wait()
	}
	stop := func() {
		end(syscall.SIGINT) // "fast" shutdown
		_ = log.Close()
		_ = os.RemoveAll(dir)
	}
	restart := func(context.Context) error {
		end(syscall.SIGQUIT) // "immediate": it recovers as after a crash
		return start()
	}
	url := fmt.Sprintf("postgres://wxcast@127.0.0.1:%d/postgres?sslmode=disable", port)
	if err := waitUntilUp(ctx, url); err != nil {
		stop()
		return nil, err
	}
	return &Server{URL: url, How: "a private one from " + bin, stop: stop, restart: restart}, nil
}

// ErrNotHere says that this machine lacks a program or a right.
var ErrNotHere = errors.New("not on this machine")

// Program is where a program of Postgres is, such as pg_dump: ErrNotHere where it is not.
func Program(name string) (string, error) {
	dir, err := findBinaries(name)
	return filepath.Join(dir, name), err
}

// findBinaries looks for a folder with the newest initdb and postgres, or with the others that are
// needed, on the PATH and where the usual packages put them.
func findBinaries(needed ...string) (string, error) {
	var dirs []string
	if path, err := exec.LookPath("postgres"); err == nil {
		dirs = append(dirs, filepath.Dir(path))
	}
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin",
		"/opt/homebrew/opt/postgresql@*/bin", "/usr/local/opt/postgresql@*/bin"} {
		found, _ := filepath.Glob(pattern)
		slices.Reverse(found)
		dirs = append(dirs, found...)
	}
	if len(needed) == 0 {
		needed = []string{"initdb", "postgres"}
	}
	for _, dir := range dirs {
		if !slices.ContainsFunc(needed, func(name string) bool {
			_, err := os.Stat(filepath.Join(dir, name))
			return err != nil
		}) {
			return dir, nil
		}
	}
	return "", fmt.Errorf("%w: no %s on the PATH or in the usual places", ErrNotHere, strings.Join(needed, ", "))
}

// unprivileged gives dir to a user who may run Postgres, which refuses to be
// root, and says how to start processes as that user. Nothing to do for others.
func unprivileged(dir string) (*syscall.SysProcAttr, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		if err := os.Chown(dir, uid, gid); err != nil {
			return nil, err
		}
		return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
	}
	return nil, fmt.Errorf("%w: this is root, and there is no user postgres or nobody to run it as", ErrNotHere)
}

// fromDocker runs the official image on a free loopback port.
func fromDocker(ctx context.Context, settings []string) (*Server, error) {
	if out, err := exec.CommandContext(ctx, "docker", "info").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("no engine answers: %s", lastLine(append(out, err.Error()...)))
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	args := append([]string{"run", "--rm", "--detach", "--publish", "127.0.0.1:" + strconv.Itoa(port) + ":5432",
		"--env", "POSTGRES_HOST_AUTH_METHOD=trust",
		"postgres:17-alpine", "-c", "max_connections=200"}, settings...)
	out, err := exec.CommandContext(ctx, "docker", args...).Output()
	if err != nil {
		return nil, fmt.Errorf("docker run: %w", err)
	}
	id := strings.TrimSpace(string(out))
	stop := func() { _ = exec.Command("docker", "kill", id).Run() }
	url := fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", port)
	if err := waitUntilUp(ctx, url); err != nil {
		stop()
		return nil, err
	}
	restart := func(ctx context.Context) error {
		return exec.CommandContext(ctx, "docker", "restart", "--time", "0", id).Run()
	}
	return &Server{URL: url, How: "a container of postgres:17-alpine", stop: stop, restart: restart}, nil
}

// fromDebianPackage installs Debian's package, which only root can, and starts a
// private server from it.
func fromDebianPackage(ctx context.Context, settings []string) (*Server, error) {
	if os.Getuid() != 0 {
		return nil, errors.New("only root can install it")
	}
	if err := aptInstall(ctx, "postgresql"); err != nil {
		return nil, err
	}
	return fromLocalBinaries(ctx, settings)
}

// aptInstall installs a package of Debian's, which only root can.
func aptInstall(ctx context.Context, name string) error {
	if _, err := exec.LookPath("apt-get"); err != nil {
		return errors.New("there is no apt-get")
	}
	fmt.Fprintf(os.Stderr, "==> installing Debian's %s for the tests\n", name)
	for _, args := range [][]string{{"update"}, {"install", "--yes", "--no-install-recommends", name}} {
		cmd := exec.CommandContext(ctx, "apt-get", args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("apt-get %s: %w: %s", args[0], err, lastLine(out))
		}
	}
	return nil
}

func waitUntilUp(ctx context.Context, url string) error {
	db, err := sql.Open("postgres", url)
	if err != nil {
		return err
	}
	defer db.Close()
	for deadline := time.Now().Add(60 * time.Second); ; {
		err := db.PingContext(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil || time.Now().After(deadline) {
			return fmt.Errorf("it does not come up: %w", err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}
