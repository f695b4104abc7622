// Command withpostgres runs another command with WXCAST_TEST_DATABASE_URL set to
// a Postgres server: the one given there already, else a private one that it
// starts and stops, from local binaries, from Docker, or from Debian's package
// where it may install that. It says which.
//
// With -durable the server syncs to disk, as one in production does: for benchmarks.
//
//	go run ./sql/storetest/withpostgres go test ./...
//	go run ./sql/storetest/withpostgres -durable go test ./internal/bench -bench .
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/wxcast/wxcast/sql/storetest"
	"github.com/wxcast/wxcast/sql/storetest/pgserver"
)

func main() {
	command, settings := os.Args[1:], pgserver.Fast
	if len(command) > 0 && command[0] == "-durable" {
		command, settings = command[1:], nil
	}
	if len(command) == 0 {
		fmt.Fprintln(os.Stderr, "usage: withpostgres [-durable] COMMAND [ARG...]")
		os.Exit(2)
	}
	os.Exit(run(command, settings))
}

func run(command, settings []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	env := os.Environ()
	if os.Getenv(storetest.URLEnv) != "" {
		fmt.Fprintf(os.Stderr, "==> Postgres for the tests: the one that %s names\n", storetest.URLEnv)
	} else if server, err := pgserver.Start(ctx, settings); err == nil {
		defer server.Stop()
		fmt.Fprintf(os.Stderr, "==> Postgres for the tests: %s\n", server.How)
		env = append(env, storetest.URLEnv+"="+server.URL)
	} else if os.Getenv("CI") != "" {
		fmt.Fprintf(os.Stderr, "==> NO POSTGRES, and CI is set: this fails.\n%v\n", err)
		return 1
	} else {
		fmt.Fprintf(os.Stderr, "==> NO POSTGRES: EVERY POSTGRES TEST WILL BE SKIPPED.\n%v\n", err)
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if err := cmd.Run(); err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return max(exit.ExitCode(), 1)
		}
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
