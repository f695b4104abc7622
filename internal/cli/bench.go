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
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wxcast"
)

func (a *app) benchCommand() *cobra.Command {
	o := bench.Options{Say: func(format string, args ...any) { fmt.Fprintf(a.Err, format+"\n", args...) }}
	var bare, out, plot string
	names, _ := bench.Parts()
	cmd := &cobra.Command{
		Use:       "bench [PART...]",
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
				return badFlag("plot", wxcast.Say("bench.plot_parts"))
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
			return errors.Join(err, writeBenchFiles(result, out, plot),
				a.print(result, func(w io.Writer) { a.writeBench(w, result) }))
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&o.Size, "size", 100_000, "")
	flags.IntSliceVar(&o.Sizes, "sizes", []int{10_000, 100_000, 1_000_000, 4_000_000}, "")
	flags.IntVar(&o.Connections, "connections", 100, "")
	flags.DurationSliceVar(&o.Latencies, "latency", []time.Duration{0, 20 * time.Millisecond, 50 * time.Millisecond},
		"")
	flags.StringVar(&out, "out", "", "")
	flags.StringVar(&plot, "plot", "", "")
	flags.StringVar(&bare, "bare", "", "")
	_ = flags.MarkHidden("bare") // the ceiling, as a process of its own
	return cmd
}

// benchHelp fills in the help of bench: its parts.
func benchHelp(lang text.Lang) []any {
	names, _ := bench.Parts()
	lines := make([]string, len(names))
	for i, name := range names {
		lines[i] = fmt.Sprintf("  %-10s %s", name, lang.T("bench.part."+name))
	}
	return []any{"default", bench.DefaultParts, "parts", strings.Join(lines, "\n")}
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

func (a *app) writeBench(w io.Writer, r *bench.Result) {
	m := r.Machine
	a.line(w, "bench.machine", "date", m.Date, "cores", m.Cores, "processor", m.Processor, "mib", m.MemoryMiB, "system",
		m.System, "go", m.Go)
	if m.Postgres != "" {
		fmt.Fprintf(w, "Postgres %s\n", m.Postgres)
	}
	a.writeBenchRows(w, r.Rows)
	a.writeBars(w, r.Bars)
	a.writePeers(w, r)
}

func (a *app) writeBenchRows(w io.Writer, all []bench.Row) {
	rows := [][]string{append([]string{"", ""}, a.heads("store", "answers", "n", "seconds", "a_second", "ceiling",
		"of_it", "plain_loop", "cpu_s", "pg_cpu_s", "peak_mib", "calls", "store_mib")...)}
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
			what += a.lang.T("bench.in_flight", "n", r.InFlight)
		}
		rows = append(rows, []string{
			r.Part, what, r.Engine, fmt.Sprintf("%d ms", r.LatencyMS), count(r.N), fmt.Sprintf("%.1f", r.Seconds),
			number(r.PerSecond, ""), number(r.Ceiling, ""), number(r.Ratio, "%.2f"),
			number(r.Naive, ""), number(r.CPUSeconds, "%.1f"), number(r.PostgresCPUSeconds, "%.1f"),
			number(r.PeakMiB, "%.0f"), number(float64(r.Calls), ""), number(r.DatabaseMiB, "%.0f"),
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

func (a *app) writeBars(w io.Writer, bars []bench.Bar) {
	if len(bars) == 0 {
		return
	}
	fmt.Fprintln(w, "\n"+a.lang.T("bench.bars"))
	var rows [][]string
	for _, b := range bars {
		limit, verdict := "bench.at_most", "bench.pass"
		if b.AtLeast {
			limit = "bench.at_least"
		}
		if !b.Pass {
			verdict = "bench.short"
		}
		digits := 2
		if !b.Pass && fmt.Sprintf("%.2f", b.Value) == fmt.Sprintf("%.2f", b.Limit) {
			digits = 4
		}
		figure := func(v float64) string { return strings.TrimSpace(fmt.Sprintf("%.*f %s", digits, v, b.Unit)) }
		rows = append(rows, []string{b.Part, b.Engine, b.What, figure(b.Value), a.lang.T(limit), figure(b.Limit),
			a.lang.T(verdict)})
	}
	table.Write(w, "  ", rows...)
}

// writePeers sets our broadcasts beside what others do.
func (a *app) writePeers(w io.Writer, r *bench.Result) {
	latencies := []int64{0, 20, 50, 100}
	rows := [][]string{{"", a.lang.T("col.any"), "0 MS", "20 MS", "50 MS", "100 MS", a.lang.T("col.peak_mib"),
		a.lang.T("col.row_each"), a.lang.T("col.lost")}}
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
	fmt.Fprintln(w, "\n"+a.lang.T("bench.peers"))
	table.Write(w, "  ", rows...)
}
