package cli_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"

	measures "github.com/wxcast/wxcast/internal/bench"
	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/sql/storetest"
)

// The help says what each part of the bench is, in both languages: a code would be no word.
func TestEachPartOfTheBenchIsExplained(t *testing.T) {
	names, _ := measures.Parts()
	for _, lang := range text.Langs {
		for _, name := range names {
			code := "bench.part." + name
			if _, ok := lang.Lookup(code); !ok {
				t.Errorf("%s has no words in %s", code, lang)
			}
		}
	}
}

// wxcast bench measures every part to its end on both stores, and its figures are figures.
func TestBench(t *testing.T) {
	long(t)
	t.Parallel()
	b := newBench(t, storetest.PostgresURL(t), simulator.Options{Followers: 1})
	out, plot, profiles := b.file("bench.json"), b.file("growth.svg"), b.file("profiles")
	cmd := b.process("bench", "sync", "join", "broadcast", "crash", "growth", "--database",
		b.env["WXCAST_DATABASE_URL"],
		"--size", "1000", "--sizes", "1000", "--latency", "0s", "--out", out, "--plot", plot, "--profile", profiles)
	table, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var result struct {
		Machine struct{ Cores int }
		Rows    []struct {
			Part, What, Engine string
			N                  int
			Seconds            float64
			PerSecond          float64 `json:"per_second"`
			Ceiling            float64 `json:"ceiling_per_second"`
			Ratio              float64
			Naive              float64 `json:"naive_per_second"`
		}
		Bars []struct {
			What  string
			Value float64
			Pass  bool
		}
	}
	if err := json.Unmarshal(text, &result); err != nil || result.Machine.Cores == 0 {
		t.Fatalf("%v: %s", err, text)
	}
	parts := map[string]int{}
	for _, row := range result.Rows {
		parts[row.Part+" "+row.Engine]++
		if row.N < 100 || row.Seconds <= 0 || row.PerSecond <= 0 || (row.Ratio > 0) != (row.Ceiling > 0) {
			t.Errorf("%+v", row)
		}
		if first := row.What == "first" || row.What == "import" && row.Part == "join" || row.What == "join" &&
			row.Part == "join" || row.What == "as fast as it goes"; first && (row.Ceiling <= 0 || row.Naive <= 0) {
			t.Errorf("neither ceiling nor loop: %+v", row)
		}
	}
	for part, rows := range map[string]int{"sync": 3, "join": 4, "broadcast": 2, "crash": 1, "growth": 4} {
		for _, engine := range []string{"sqlite", "postgres"} {
			if parts[part+" "+engine] != rows {
				t.Errorf("%s on %s: %d rows, want %d", part, engine, parts[part+" "+engine], rows)
			}
		}
	}
	crashes := 0
	for _, bar := range result.Bars {
		if strings.HasPrefix(bar.What, "people w") {
			crashes++
			if bar.Value != 0 || !bar.Pass {
				t.Errorf("%+v", bar)
			}
		}
	}
	if crashes != 4 {
		t.Errorf("%d bars of crashes in %+v", crashes, result.Bars)
	}
	drawn, err := os.ReadFile(plot)
	if err != nil {
		t.Fatal(err)
	}
	var svg struct {
		Charts []struct {
			Lines []struct{} `xml:"polyline"`
		} `xml:"g"`
	}
	if err := xml.Unmarshal(drawn, &svg); err != nil || len(svg.Charts) != 4 || len(svg.Charts[0].Lines) != 8 {
		t.Errorf("%v: %s", err, drawn)
	}
	for _, name := range []string{"cpu", "allocs", "block", "mutex"} {
		written, err := filepath.Glob(b.file("profiles/broadcast-*-broadcast/" + name + ".pprof"))
		if err != nil || len(written) != 8 { // three rounds and one to everybody, on two stores
			t.Errorf("%d profiles: %s: %v", len(written), name, err)
		}
		for _, file := range written {
			if p, err := os.ReadFile(file); err != nil || !bytes.HasPrefix(p, []byte("\x1f\x8b")) { // gzip
				t.Errorf("%s: %v: % .20x", file, err, p)
			}
		}
	}
	for _, want := range []string{"Our own bars", "wxcast on postgres", "growth     broadcast"} {
		if !strings.Contains(string(table), want) {
			t.Errorf("no %q in\n%s", want, table)
		}
	}
}

func TestBenchRefuses(t *testing.T) {
	t.Parallel()
	b := newBench(t, storetest.SQLiteURL(t), simulator.Options{Followers: 1})
	for _, args := range [][]string{{"--size", "10"}, {"--sizes", "1000,10"}, {"--connections", "0"},
		{"--latency", "1h"}, {"everything"}} {
		if o := b.run(t, append([]string{"bench"}, args...)...); o.code != 2 {
			t.Errorf("%v: %+v", args, o)
		}
	}
	if o := b.run(t, "version", "--profile", "/dev/null/no"); o.code != 2 || !strings.Contains(o.err, "--profile: ") {
		t.Errorf("%+v", o)
	}
	if o := b.run(t, "bench", "pace"); o.code != 2 || !strings.Contains(o.err, "--database postgres://") {
		t.Errorf("%+v", o)
	}
}
