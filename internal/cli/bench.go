package cli

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/bench"
	"github.com/wxcast/wxcast/internal/table"
)

type benchResult struct {
	Cores int         `json:"cores"`
	Rows  []bench.Row `json:"rows"`
}

func (a *app) benchCommand() *cobra.Command {
	var size, connections int
	var latencies []time.Duration
	var bare string
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure how fast this machine is, beside its own ceilings and a plain loop",
		Long: `Measure a sync and broadcasts on this machine, on a simulated account: nobody real
gets a message, and the configured database is not touched. Beside wxcast stand a bare
Go client that makes the same calls and records nothing (the ceiling), and the loop of
the tutorials: one call after the other, one INSERT each.

SQLite is measured in a temporary folder. With --database postgres://… a database is
made on that server for the time, and dropped. The ceiling of a sync is the slower of
fetching the same pages and of loading the same rows in bulk.`,
		Example: "  wxcast bench\n  wxcast bench --database postgres://wxcast@localhost/postgres --size 100000 --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if size < 1000 || size > 10_000_000 {
				return usageError{fmt.Errorf("--size: %d is not a number from 1000 to 10000000", size)}
			}
			if connections < 1 || connections > 2000 {
				return usageError{fmt.Errorf("--connections: %d is not a number from 1 to 2000", connections)}
			}
			if bare != "" {
				return bench.Bare(cmd.Context(), bare, connections, size)
			}
			for _, l := range latencies {
				if l < 0 || l > 10*time.Second {
					return usageError{fmt.Errorf("--latency: %v is not a time from 0s to 10s", l)}
				}
			}
			o := bench.Options{Size: size, Connections: connections, Latencies: latencies, Say: func(format string, args ...any) { a.say("Measuring: "+format, args...) }}
			if strings.HasPrefix(a.database, "postgres") {
				o.Postgres = a.database
			}
			var err error
			if o.Binary, err = os.Executable(); err != nil {
				return err
			}
			rows, err := bench.Run(cmd.Context(), o)
			if err != nil {
				return err
			}
			result := benchResult{runtime.NumCPU(), rows}
			return a.print(result, func(w io.Writer) { writeBench(w, result) })
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&size, "size", 50_000, "followers, and recipients at most")
	flags.IntVar(&connections, "connections", 100, "messages in flight")
	flags.DurationSliceVar(&latencies, "latency", []time.Duration{0, 20 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond}, "`TIMES` after which the simulated WeChat answers")
	flags.StringVar(&bare, "bare", "", "")
	_ = flags.MarkHidden("bare") // the ceiling, as a process of its own
	return cmd
}

func writeBench(w io.Writer, r benchResult) {
	fmt.Fprintf(w, "On %d cores, a second:\n", r.Cores)
	rows := [][]string{{"", "STORE", "ANSWERS AFTER", "N", "WXCAST", "CEILING", "OF IT", "PLAIN LOOP", "CPU SECONDS", "PEAK MIB"}}
	for _, row := range r.Rows {
		rows = append(rows, []string{
			row.Part, row.Engine, fmt.Sprintf("%d ms", row.LatencyMS), count(row.N), count(int64(row.PerSecond)), count(int64(row.Ceiling)), fmt.Sprintf("%.2f", row.Ratio),
			count(int64(row.Naive)), fmt.Sprintf("%.1f", row.CPUSeconds), fmt.Sprintf("%.0f", row.PeakMiB),
		})
	}
	table.Write(w, "  ", rows...)
}
