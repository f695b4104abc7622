package bench

import (
	"context"
	"database/sql"
	"os"
	"runtime"
	"strings"
	"time"
)

// Machine is what the figures belong to.
type Machine struct {
	Date      string `json:"date"` // UTC
	Cores     int    `json:"cores"`
	Processor string `json:"processor"`
	MemoryMiB int    `json:"memory_mib"`
	System    string `json:"system"`
	Go        string `json:"go"`
	Postgres  string `json:"postgres"` // version and what makes it durable; "" without one
}

// describeMachine tells what can be found out.
func describeMachine(ctx context.Context, url string) Machine {
	m := Machine{Date: time.Now().UTC().Format(time.DateOnly), Cores: runtime.NumCPU(),
		System: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version()}
	m.Processor, m.MemoryMiB = hardware()
	if name := systemName(); name != "" {
		m.System = name
	}
	if url != "" {
		m.Postgres = describePostgres(ctx, url)
	}
	return m
}

func describePostgres(ctx context.Context, url string) string {
	db, err := sql.Open(postgres, url)
	if err != nil {
		return ""
	}
	defer db.Close()
	var version, fsync, commit, buffers string
	const ask = "SELECT current_setting('server_version'), current_setting('fsync'), current_setting('synchronous_commit'), current_setting('shared_buffers')"
	if err := db.QueryRowContext(ctx, ask).Scan(&version, &fsync, &commit, &buffers); err != nil {
		return ""
	}
	version, _, _ = strings.Cut(version, " ")
	return version + ", fsync " + fsync + ", synchronous_commit " + commit + ", shared_buffers " + buffers
}

// systemName is what the system calls itself (os-release(5)); "" where it does not.
func systemName() string {
	text, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "PRETTY_NAME="); ok {
			return strings.Trim(strings.TrimSpace(name), `"`)
		}
	}
	return ""
}
