package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// usage is what a process took.
type usage struct {
	wall, cpu time.Duration
	peakMiB   float64 // 0 where it cannot be read
	out       map[string]any
}

// run runs wxcast and wants one JSON object of it.
func (w *world) run(ctx context.Context, args ...string) (u usage, err error) {
	cmd := exec.CommandContext(ctx, w.Binary, append(args, "--json")...)
	cmd.Env, cmd.Dir = w.env, w.dir
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return u, err
	}
	peak := make(chan float64, 1)
	go func() { peak <- watchPeak(cmd.Process.Pid) }()
	err = cmd.Wait()
	u = usage{wall: time.Since(begun), cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), peakMiB: <-peak}
	if err != nil {
		return u, fmt.Errorf("wxcast %s: %w: %s", strings.Join(args, " "), err, errOut.String())
	}
	return u, json.Unmarshal(out.Bytes(), &u.out)
}

// watchPeak reads a process's peak resident memory in MiB until it ends.
func watchPeak(pid int) (peak float64) {
	for {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		_, after, ok := strings.Cut(string(status), "VmHWM:")
		if err != nil || !ok {
			return peak
		}
		if kib, err := strconv.ParseFloat(strings.Fields(after)[0], 64); err == nil {
			peak = kib / 1024
		}
		time.Sleep(10 * time.Millisecond)
	}
}
