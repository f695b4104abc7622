// Package bench measures wxcast on the machine that it runs on, beside what the machine
// can do at best (the ceiling), and beside the loop over an SDK that tutorials show. Each
// is a process of its own, on the same platform, one after the other: ratios, not
// seconds, are what another machine repeats.
package bench

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Options say what to measure.
type Options struct {
	Binary      string // wxcast itself
	Postgres    string // URL of a server where databases may be made for the time; "" for SQLite alone
	Parts       []string
	Size        int   // followers, and recipients at most
	Sizes       []int // of the part "growth"
	Connections int   // messages in flight
	Latencies   []time.Duration
	Profile     string // folder for profiles of each process of wxcast; "" for none
	// Say tells what is being measured; it must not be nil.
	Say func(format string, args ...any)
}

// part is something to be measured.
type part struct {
	name  string
	about string
	// engines that it runs on; each in a world of its own.
	engines []string
	// miniUsers is the share of the followers who use the mini program.
	miniUsers float64
	measure   func(ctx context.Context, w *world) error
}

const (
	sqlite   = "sqlite"
	postgres = "postgres"
)

var (
	both         = []string{sqlite, postgres}
	onlyPostgres = []string{postgres}
)

var parts = []part{
	{"sync", "a first sync, one with nothing changed, one with a thousandth changed", both, 0.6, measureSync},
	{"join", "an import of mini users and a join", both, 0.6, measureJoin},
	{"broadcast", "broadcasts, as fast as they go", both, 1, measureBroadcast},
	{"subscribe", "subscribe messages, each of which takes a consent", both, 1, measureSubscribe},
	{"pace", "500 messages a second for a minute, by one process and by four", onlyPostgres, 1, measurePace},
	{"crash", "a broadcast whose process is killed in the middle", both, 1, measureCrash},
	{"callback", "2,000 events a second for a minute, then consents, to two processes, one killed", onlyPostgres, 1,
		measureCallback},
	{"messages", "single messages beside a broadcast, processes killed", both, 1, measureMessages},
	{"console", "50 viewers of a store of --size followers, beside a broadcast", onlyPostgres, 1, measureConsole},
	{"growth", "the whole job at each of --sizes", both, 1, measureGrowth},
	{"workers", "a broadcast by one, two, four and eight processes", onlyPostgres, 1, measureWorkers},
	{"sim", "the simulator beside a bare handler", []string{sqlite}, 1, measureSim},
}

// DefaultParts are measured where none are named: within ten minutes on two cores.
var DefaultParts = []string{"sync", "join", "broadcast"}

// Parts are the names of what can be measured, each with what it is.
func Parts() (names, about []string) {
	for _, p := range parts {
		names, about = append(names, p.name), append(about, p.about)
	}
	return names, about
}

// Result is all that was measured.
type Result struct {
	Machine Machine `json:"machine"`
	Rows    []Row   `json:"rows"`
	Bars    []Bar   `json:"bars"`
}

// Row is one thing measured. What does not apply is 0.
type Row struct {
	Part      string `json:"part"`
	What      string `json:"what"`
	Engine    string `json:"engine"`
	LatencyMS int64  `json:"latency_ms"` // of WeChat's answers
	N         int    `json:"n"`          // followers, rows or messages
	Processes int    `json:"processes"`
	InFlight  int    `json:"in_flight"` // calls at a time, by each process

	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"per_second"`
	// Ceiling is what the machine does at best: of a broadcast, a bare Go client with the
	// same calls that records nothing; of a sync, the slower of that and of loading the
	// same rows, fetching nothing; of a sync with nothing changed, listing alone; of an
	// import and a join, the same rows by bare SQL.
	Ceiling float64 `json:"ceiling_per_second"`
	Ratio   float64 `json:"ratio"` // PerSecond / Ceiling
	// Naive is the loop: one call after the other, one INSERT each.
	Naive float64 `json:"naive_per_second"`

	CPUSeconds         float64 `json:"cpu_seconds"`          // of wxcast's processes
	PostgresCPUSeconds float64 `json:"postgres_cpu_seconds"` // of a Postgres on the same machine
	PeakMiB            float64 `json:"peak_mib"`             // of one process, resident
	Calls              int64   `json:"calls"`                // to WeChat
	DatabaseMiB        float64 `json:"database_mib"`         // afterwards, where it is measured
}

// Check tells what is wrong with the options.
func (o Options) Check() error {
	for _, size := range append([]int{o.Size}, o.Sizes...) {
		if size < 1000 || size > 10_000_000 {
			return fmt.Errorf("--size, --sizes: %d is not a number from 1000 to 10000000", size)
		}
	}
	if o.Connections < 1 || o.Connections > 2000 {
		return fmt.Errorf("--connections: %d is not a number from 1 to 2000", o.Connections)
	}
	for _, l := range o.Latencies {
		if l < 0 || l > 10*time.Second {
			return fmt.Errorf("--latency: %v is not a time from 0s to 10s", l)
		}
	}
	for _, p := range parts {
		if slices.Contains(o.Parts, p.name) && o.Postgres == "" && !slices.Contains(p.engines, sqlite) {
			return fmt.Errorf("%s is measured on Postgres: give --database postgres://…", p.name)
		}
	}
	return nil
}

// Run measures the parts, each on its engines. The options were checked. With an error
// comes what was measured until then.
func Run(ctx context.Context, o Options) (*Result, error) {
	r := &Result{Machine: describeMachine(ctx, o.Postgres), Rows: []Row{}, Bars: []Bar{}}
	for _, p := range parts {
		if !slices.Contains(o.Parts, p.name) {
			continue
		}
		for _, engine := range p.engines {
			if engine == postgres && o.Postgres == "" {
				continue
			}
			if err := runPart(ctx, o, p, engine, r); err != nil {
				return r, fmt.Errorf("%s on %s: %w", p.name, engine, err)
			}
		}
	}
	return r, r.broken()
}

func runPart(ctx context.Context, o Options, p part, engine string, r *Result) error {
	w, err := newWorld(o, p, engine, r)
	if err != nil {
		return err
	}
	defer w.close()
	return p.measure(ctx, w)
}

// row keeps a row that was measured, and tells of it.
func (w *world) row(what string, n int, u usage, more func(r *Row)) Row {
	r := Row{
		Part: w.part.name, What: what, Engine: w.engine,
		LatencyMS: time.Duration(w.platform.latency.Load()).Milliseconds(), N: n, Processes: 1,
		Seconds: u.wall.Seconds(), PerSecond: float64(n) / u.wall.Seconds(),
		CPUSeconds: u.cpu.Seconds(), PostgresCPUSeconds: u.postgres.Seconds(), PeakMiB: u.peakMiB,
	}
	if more != nil {
		more(&r)
	}
	if r.Ceiling > 0 {
		r.Ratio = r.PerSecond / r.Ceiling
	}
	w.result.Rows = append(w.result.Rows, r)
	said := fmt.Sprintf("%s: %.1f s, %.0f a second", what, r.Seconds, r.PerSecond)
	if r.Ratio > 0 {
		said += fmt.Sprintf(", %.2f of the ceiling", r.Ratio)
	}
	w.Say("  %s", said)
	return r
}

// say tells what is being measured.
func (w *world) say(format string, args ...any) {
	w.Say("%s on %s: %s", w.part.name, w.engine, strings.TrimSpace(fmt.Sprintf(format, args...)))
}
