package cli_test

import (
	"encoding/json"
	"testing"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/sql/storetest"
)

// wxcast bench runs to its end on both stores, and its figures are figures.
func TestBench(t *testing.T) {
	t.Parallel()
	b := newBench(t, storetest.PostgresURL(t), simulator.Options{Followers: 1})
	cmd := b.process("bench", "--database", b.env["WXCAST_DATABASE_URL"], "--size", "1000", "--latency", "0s,10ms", "--json")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var result struct {
		Rows []struct {
			Part, Engine string
			N            int
			PerSecond    float64 `json:"per_second"`
			Ceiling      float64 `json:"ceiling_per_second"`
			Ratio        float64 `json:"ratio"`
			Naive        float64 `json:"naive_per_second"`
		} `json:"rows"`
	}
	if err := json.Unmarshal(out, &result); err != nil || len(result.Rows) != 6 {
		t.Fatalf("%v: %s", err, out)
	}
	for _, row := range result.Rows {
		if row.N != 1000 || row.PerSecond <= 0 || row.Ceiling <= 0 || row.Ratio <= 0 || row.Naive <= 0 {
			t.Errorf("%+v", row)
		}
	}
	for _, args := range [][]string{{"bench", "--size", "10"}, {"bench", "--connections", "0"}, {"bench", "--latency", "1h"}} {
		if o := b.run(t, args...); o.code != 2 {
			t.Errorf("%v: %+v", args, o)
		}
	}
}
