package cli

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// exportPage is how many rows are in memory at a time.
const exportPage = 5000

// exportFlags say where rows go, and in which form.
type exportFlags struct{ format, out string }

func (f *exportFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.format, "format", "csv", "csv or jsonl")
	cmd.Flags().StringVar(&f.out, "out", "", "`FILE` to write (default standard output)")
}

func (f *exportFlags) check() error {
	if f.format != "csv" && f.format != "jsonl" {
		return usageError{fmt.Errorf("--format: %q is no format; write csv or jsonl", f.format)}
	}
	return nil
}

// rows are what an export writes, page by page in openid order.
type rows[T any] struct {
	page   func(after wxcast.OpenID) ([]T, error)
	openid func(T) wxcast.OpenID
	header []string
	fields func(T) []string // as in CSV, in the header's order
	object func(T) any      // as in JSON
}

// export writes rows, and tells how many where they went to a file.
func export[T any](a *app, what string, f exportFlags, r rows[T]) error {
	out := a.Out
	if f.out != "" {
		file, err := os.Create(f.out)
		if err != nil {
			return &wxcast.BadInput{Key: "--out", Problem: wxcast.Plain(err.Error()), Want: wxcast.Plain("name a file that can be written")}
		}
		defer file.Close() // a second time, after an error
		n, err := writeRows(file, f.format, r)
		if err != nil {
			return err
		}
		if err := file.Close(); err != nil {
			return err
		}
		return a.print(map[string]any{what: n, "file": f.out}, func(w io.Writer) { fmt.Fprintf(w, "Wrote %s %s to %s.\n", count(n), what, f.out) })
	}
	_, err := writeRows(out, f.format, r)
	return err
}

func writeRows[T any](out io.Writer, format string, r rows[T]) (n int64, err error) {
	buffered := bufio.NewWriter(out)
	asCSV, asJSON := csv.NewWriter(buffered), json.NewEncoder(buffered)
	asJSON.SetEscapeHTML(false)
	write := func(row T) error { return asCSV.Write(r.fields(row)) }
	if format == "jsonl" {
		write = func(row T) error { return asJSON.Encode(r.object(row)) }
	} else if err := asCSV.Write(r.header); err != nil {
		return 0, err
	}
	after := wxcast.OpenID("")
	for {
		page, err := r.page(after)
		if err != nil {
			return n, err
		}
		for _, row := range page {
			if err := write(row); err != nil {
				return n, err
			}
		}
		n += int64(len(page))
		if len(page) < exportPage {
			asCSV.Flush()
			if err := asCSV.Error(); err != nil {
				return n, err
			}
			return n, buffered.Flush()
		}
		after = r.openid(page[len(page)-1])
	}
}

// timeText is a time in UTC as CSV has it; "" for the zero time.
func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
