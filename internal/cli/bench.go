package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/bench"
	"github.com/wxcast/wxcast/internal/table"
)

func (a *app) benchCommand() *cobra.Command {
	o := bench.Options{Say: func(format string, args ...any) { a.say(format, args...) }}
	var bare, out, plot string
	names, about := bench.Parts()
	cmd := &cobra.Command{
		Use:   "bench [PART...]",
		Short: "Measure how fast this machine is, beside its own ceilings and a plain loop",
		Long: `Measure wxcast on this machine, on a simulated account: nobody real gets a message, and
the configured database is not touched. Beside it stand the machine's ceilings (a bare Go
client that makes the same calls and records nothing, the same rows by COPY or by bare
SQL) and the loop of the tutorials: one call after the other, one INSERT each.

SQLite is measured in a temporary folder. With --database postgres://… databases are
made on that server for the time, and dropped. What is measured where no PART is named:
` + strings.Join(bench.DefaultParts, ", ") + `, within 10 minutes on two cores. The parts:

` + partsHelp(names, about),
		Example:   "  wxcast bench\n  wxcast bench broadcast --database postgres://wxcast@localhost/postgres --size 100000 --json\n  wxcast bench growth workers --database postgres://wxcast@localhost/postgres --plot growth.svg",
		ValidArgs: names,
		Args:      cobra.OnlyValidArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Parts = args
			if len(args) == 0 {
				o.Parts = bench.DefaultParts
			}
			if strings.HasPrefix(a.database, "postgres") {
				o.Postgres = a.database
			}
			if bare != "" {
				return bench.Bare(cmd.Context(), bare, o.Connections, o.Size)
			}
			if err := o.Check(); err != nil {
				return usageError{err}
			}
			if plot != "" && !slices.Contains(o.Parts, "growth") && !slices.Contains(o.Parts, "workers") {
				return usageError{errors.New("--plot draws the parts growth and workers: name one of them")}
			}
			var err error
			if a.profile != "" {
				if o.Profile, err = filepath.Abs(a.profile); err != nil {
					return err
				}
			}
			if o.Binary, err = os.Executable(); err != nil {
				return err
			}
			result, err := bench.Run(cmd.Context(), o)
			if len(result.Rows) == 0 {
				return err
			}
			return errors.Join(err, writeBenchFiles(result, out, plot), a.print(result, func(w io.Writer) { writeBench(w, result) }))
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&o.Size, "size", 100_000, "followers, and recipients at most")
	flags.IntSliceVar(&o.Sizes, "sizes", []int{10_000, 100_000, 1_000_000, 4_000_000}, "`SIZES` of the part growth")
	flags.IntVar(&o.Connections, "connections", 100, "messages in flight")
	flags.DurationSliceVar(&o.Latencies, "latency", []time.Duration{0, 20 * time.Millisecond, 50 * time.Millisecond}, "`TIMES` after which the simulated WeChat answers")
	flags.StringVar(&out, "out", "", "write the result as JSON into this `FILE`, too")
	flags.StringVar(&plot, "plot", "", "draw growth and workers as SVG into this `FILE`")
	flags.StringVar(&bare, "bare", "", "")
	_ = flags.MarkHidden("bare") // the ceiling, as a process of its own
	return cmd
}

func partsHelp(names, about []string) string {
	var b strings.Builder
	for i, name := range names {
		fmt.Fprintf(&b, "  %-10s %s\n", name, about[i])
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// writeBenchFiles writes the files that were asked for.
func writeBenchFiles(r *bench.Result, out, plot string) error {
	if out != "" {
		text, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(out, append(text, '\n'), 0o644); err != nil {
			return fmt.Errorf("--out: %w", err)
		}
	}
	if plot != "" {
		var b bytes.Buffer
		if err := bench.Plot(&b, r); err != nil {
			return fmt.Errorf("--plot: %w", err)
		}
		if err := os.WriteFile(plot, b.Bytes(), 0o644); err != nil {
			return fmt.Errorf("--plot: %w", err)
		}
	}
	return nil
}

func writeBench(w io.Writer, r *bench.Result) {
	m := r.Machine
	fmt.Fprintf(w, "%s: %d cores, %s, %d MiB, %s, %s\n", m.Date, m.Cores, m.Processor, m.MemoryMiB, m.System, m.Go)
	if m.Postgres != "" {
		fmt.Fprintf(w, "Postgres %s\n", m.Postgres)
	}
	writeBenchRows(w, r.Rows)
	writeBars(w, r.Bars)
	writePeers(w, r)
}

func writeBenchRows(w io.Writer, all []bench.Row) {
	rows := [][]string{{"", "", "STORE", "ANSWERS", "N", "SECONDS", "A SECOND", "CEILING", "OF IT", "PLAIN LOOP", "CPU S", "PG CPU S", "PEAK MIB", "CALLS", "STORE MIB"}}
	number := func(v float64, format string) string {
		if v == 0 {
			return "-"
		}
		if format == "" {
			return count(int64(v + 0.5))
		}
		return fmt.Sprintf(format, v)
	}
	for _, r := range all {
		what := r.What
		if r.Processes > 1 {
			what += fmt.Sprintf(": %d", r.Processes)
		}
		if r.Part == "broadcast" && r.InFlight > 0 {
			what += fmt.Sprintf(", %d in flight", r.InFlight)
		}
		rows = append(rows, []string{
			r.Part, what, r.Engine, fmt.Sprintf("%d ms", r.LatencyMS), count(r.N), fmt.Sprintf("%.1f", r.Seconds), number(r.PerSecond, ""), number(r.Ceiling, ""), number(r.Ratio, "%.2f"),
			number(r.Naive, ""), number(r.CPUSeconds, "%.1f"), number(r.PostgresCPUSeconds, "%.1f"), number(r.PeakMiB, "%.0f"), number(float64(r.Calls), ""), number(r.DatabaseMiB, "%.0f"),
		})
	}
	table.Write(w, "  ", withoutEmptyColumns(rows)...)
}

// withoutEmptyColumns leaves out what applies to no row.
func withoutEmptyColumns(rows [][]string) [][]string {
	kept := make([][]string, len(rows))
	for column := range rows[0] {
		if !slices.ContainsFunc(rows[1:], func(row []string) bool { return row[column] != "-" }) {
			continue
		}
		for i, row := range rows {
			kept[i] = append(kept[i], row[column])
		}
	}
	return kept
}

func writeBars(w io.Writer, bars []bench.Bar) {
	if len(bars) == 0 {
		return
	}
	fmt.Fprintln(w, "\nOur own bars")
	var rows [][]string
	for _, b := range bars {
		limit, verdict := "at most", "pass"
		if b.AtLeast {
			limit = "at least"
		}
		if !b.Pass {
			verdict = "SHORT OF IT"
		}
		digits := 2
		if !b.Pass && fmt.Sprintf("%.2f", b.Value) == fmt.Sprintf("%.2f", b.Limit) {
			digits = 4
		}
		figure := func(v float64) string { return strings.TrimSpace(fmt.Sprintf("%.*f %s", digits, v, b.Unit)) }
		rows = append(rows, []string{b.Part, b.Engine, b.What, figure(b.Value), limit, figure(b.Limit), verdict})
	}
	table.Write(w, "  ", rows...)
}

// writePeers sets our broadcasts beside what others do.
func writePeers(w io.Writer, r *bench.Result) {
	latencies := []int64{0, 20, 50, 100}
	rows := [][]string{{"", "ANY", "0 MS", "20 MS", "50 MS", "100 MS", "PEAK MIB", "A ROW FOR EACH", "LOST AT A KILL"}}
	rate := func(v float64) string {
		switch {
		case v == 0:
			return "-"
		case v < 1000:
			return fmt.Sprintf("%.4g", v)
		default:
			return count(int64(v + 0.5))
		}
	}
	add := func(p bench.Peer) {
		row := []string{p.Name, rate(p.Any)}
		for _, l := range latencies {
			row = append(row, rate(p.PerSecond[l]))
		}
		rows = append(rows, append(row, rate(p.PeakMiB), p.Rows, p.Lost))
	}
	for _, p := range bench.OurPeers(r) {
		add(p)
	}
	if len(rows) == 1 {
		return
	}
	for _, p := range bench.Peers {
		add(p)
	}
	fmt.Fprintln(w, "\nMessages a second with 100 in flight, by how long an answer takes; others as measured elsewhere on two cores")
	table.Write(w, "  ", rows...)
}
