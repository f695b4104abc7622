package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync"
	"testing"
)

// selfDir is where a binary of these tests is built that the race detector does not slow.
var selfDir string

// self is this test binary, which acts as wxcast where runMain is set. Under the race
// detector it is one that was built without: what a process does is watched for races in its
// packages' own tests and, in make test-long, here; a whole process of it is ten times as slow.
var self = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	watched := ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
	if !watched || os.Getenv(longTests) != "" {
		return os.Args[0]
	}
	plain := filepath.Join(selfDir, "wxcast.test")
	if out, err := exec.Command("go", "test", "-c", "-o", plain, ".").CombinedOutput(); err != nil {
		panic(string(out))
	}
	return plain
})

// runTests runs the tests, and removes what self has built.
func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "wxcast-self")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	selfDir = dir
	return m.Run()
}
