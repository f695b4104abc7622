package cli_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// shellBlocks are the commands that a page shows.
var shellBlocks = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

// The walk-through of docs/api.md, word for word, by the shell and curl.
func TestTheWalkThroughOfTheAPI(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	// "wxcast" is this test binary.
	wxcast := fmt.Sprintf("#!/bin/sh\n%s=1 exec '%s' \"$@\"\n", runMain, os.Args[0])
	if err := os.WriteFile(filepath.Join(dir, "wxcast"), []byte(wxcast), 0o700); err != nil {
		t.Fatal(err)
	}
	script := "set -euo pipefail\ntrap 'kill $(jobs -p)' EXIT\n"
	for _, block := range shellBlocks.FindAllSubmatch(page, -1) {
		script += string(block[1])
	}
	script = strings.NewReplacer("127.0.0.1:9701", freeAddress(t), "wxcast serve",
		"WXCAST_SERVE_LISTEN="+"$SERVE wxcast serve", "127.0.0.1:8080", "$SERVE").Replace(script)
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "SERVE="+freeAddress(t),
		"GORACE=atexit_sleep_ms=0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "serve.log"))
		t.Fatalf("%v\n%s\n%s\n%s", err, out.String(), errOut.String(), log)
	}
	csv, err := os.ReadFile(filepath.Join(dir, "deliveries.csv"))
	if err != nil || bytes.Count(csv, []byte("\n")) < 200 {
		t.Errorf("%v: %.200s", err, csv)
	}
	for _, want := range []string{`"account":"default"`, `"recipients":2`, `"state":"done"`,
		`"broadcasts":[{"id":1,"name":"spring-sale"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in what it prints:\n%s", want, out.String())
		}
	}
}

// freeAddress is one that nobody listened on a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
