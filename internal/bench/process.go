package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/procfs"
)

// usage is what a process took.
type usage struct {
	wall, cpu time.Duration
	sending   time.Duration // of a broadcast, from its first claim to its end
	peakMiB   float64       // 0 where it cannot be read
	postgres  time.Duration // CPU time of the server beside it, where that is measured
	out       map[string]any
}

// number is a count of the JSON that the process printed.
func (u usage) number(key string) float64 {
	n, _ := u.out[key].(float64)
	return n
}

// calls are those that the process says that it made to WeChat.
func (u usage) calls() (all int64) {
	made, _ := u.out["api_calls"].(map[string]any)
	for _, n := range made {
		if n, ok := n.(float64); ok {
			all += int64(n)
		}
	}
	return all
}

// runJSON runs wxcast in the world's folder and wants one JSON object of it.
func (w *world) runJSON(ctx context.Context, env []string, args ...string) (u usage, err error) {
	cmd := exec.CommandContext(ctx, w.Binary, append(args, w.flags(args[0])...)...)
	cmd.Env, cmd.Dir = env, w.dir
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return u, err
	}
	peak := make(chan float64, 1)
	go func() { peak <- watchPeak(cmd.Process.Pid) }()
	err = cmd.Wait()
	u = usage{wall: time.Since(begun), cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
		peakMiB: <-peak}
	if err != nil {
		return u, fmt.Errorf("wxcast %s: %w: %s", strings.Join(args, " "), err, errOut.String())
	}
	return u, json.Unmarshal(out.Bytes(), &u.out)
}

// flags are those that every command gets: it prints JSON, and leaves profiles behind
// where they are asked for, each process in a folder of its own.
func (w *world) flags(command string) []string {
	if w.Profile == "" {
		return []string{"--json"}
	}
	n := w.profiles.Add(1)
	return []string{"--json", "--profile", filepath.Join(w.Profile,
		fmt.Sprintf("%s-%s-%02d-%s", w.part.name, w.engine, n, command))}
}

// watchPeak reads a process's peak resident memory in MiB until it ends. The one
// that wait4 tells may be the parent's, from before exec.
func watchPeak(pid int) (peak float64) {
	process, err := procfs.NewProc(pid)
	if err != nil {
		return 0
	}
	for ; ; time.Sleep(10 * time.Millisecond) {
		status, err := process.NewStatus()
		if err != nil || status.VmHWM == 0 {
			return peak
		}
		peak = float64(status.VmHWM) / (1 << 20)
	}
}
