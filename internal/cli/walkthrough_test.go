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

// walk runs the commands of a page, word for word, by the shell and curl.
func walk(t *testing.T, page string) (dir, out string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	// "wxcast" is this test binary.
	wxcast := fmt.Sprintf("#!/bin/sh\n%s=1 exec '%s' \"$@\"\n", runMain, os.Args[0])
	if err := os.WriteFile(filepath.Join(dir, "wxcast"), []byte(wxcast), 0o700); err != nil {
		t.Fatal(err)
	}
	script := "set -euo pipefail\ntrap 'kill $(jobs -p)' EXIT\n"
	for _, block := range shellBlocks.FindAllSubmatch(text, -1) {
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
	var printed, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &printed, &errOut
	if err := cmd.Run(); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "serve.log"))
		t.Fatalf("%v\n%s\n%s\n%s", err, printed.String(), errOut.String(), log)
	}
	return dir, printed.String()
}

// The walk-through of docs/integration.md.
func TestTheWalkThroughOfMessages(t *testing.T) {
	t.Parallel()
	_, out := walk(t, "../../docs/integration.md")
	for _, want := range []string{`preset order-shipped, version 1`, `{"id":1,"state":"pending"}`, `"state":"sent"`,
		`{"id":1,"state":"sent"}`, `"errcode":-1010`,
		"message 1 to ", `"type":"message.sent"`, `"type":"message.skipped"`, `"added":1,"refused":[]`,
		"Read 1 lines: 1 new, 0 rejected.", "came by it: 0"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in what it prints:\n%s", want, out)
		}
	}
	for program, says := range map[string]string{"python3": "'state': 'pending'", "go": "Go: {", "node": "Node: {",
		"javac": "Java: {", "php": "PHP: {"} {
		if _, err := exec.LookPath(program); err == nil && !strings.Contains(out, says) {
			t.Errorf("%s sent nothing:\n%s", program, out)
		}
	}
}

// The walk-through of docs/api.md.
func TestTheWalkThroughOfTheAPI(t *testing.T) {
	t.Parallel()
	dir, out := walk(t, "../../docs/api.md")
	csv, err := os.ReadFile(filepath.Join(dir, "deliveries.csv"))
	if err != nil || bytes.Count(csv, []byte("\n")) < 200 {
		t.Errorf("%v: %.200s", err, csv)
	}
	for _, want := range []string{`"account":"default"`, `"recipients":2`, `"state":"done"`,
		`"broadcasts":[{"id":1,"name":"spring-sale"`} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in what it prints:\n%s", want, out)
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

// The commands of docs/recipes.md, in both languages.
func TestTheRecipes(t *testing.T) {
	t.Parallel()
	for _, page := range []string{"recipes.md", "zh/recipes.md"} {
		_, out := walk(t, "../../docs/"+page)
		for _, want := range []string{"sent        1", "done"} {
			if !strings.Contains(out, want) {
				t.Errorf("%s: %q is not in what it prints:\n%s", page, want, out)
			}
		}
	}
}
