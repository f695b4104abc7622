package bench

import (
	"context"
	"database/sql"
	"os"
	"runtime"
	"strconv"
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
	m := Machine{Date: time.Now().UTC().Format(time.DateOnly), Cores: runtime.NumCPU(), System: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version()}
	m.Processor = field("/proc/cpuinfo", "model name", ":")
	if kib, err := strconv.Atoi(strings.TrimSuffix(field("/proc/meminfo", "MemTotal", ":"), " kB")); err == nil {
		m.MemoryMiB = kib / 1024
	}
	if name := strings.Trim(field("/etc/os-release", "PRETTY_NAME", "="), `"`); name != "" {
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

// field is the value of a line "name<sep>value" of a file; "" where there is none.
func field(file, name, sep string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, sep); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
