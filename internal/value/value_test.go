package value_test

import (
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/value"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Sunday is 0 or 7, as in other crons, and what never comes is no schedule.
func TestCron(t *testing.T) {
	saturday := time.Date(2026, 11, 28, 12, 0, 0, 0, wxcast.Beijing)
	for text, want := range map[string]string{
		"0 3 * * 7":             "2026-11-29 03:00",
		"0 3 * * 0":             "2026-11-29 03:00",
		"0 3 * * 6-7":           "2026-11-29 03:00",
		"0 13 * * 6-7":          "2026-11-28 13:00",
		"0 3 * * 7-1":           "2026-11-29 03:00",
		"0 3 * * 1,7":           "2026-11-29 03:00",
		"0 3 * * 1-7":           "2026-11-29 03:00",
		"0 3 29 2 *":            "2028-02-29 03:00",
		"0 3 31 2 *":            "",
		"0 3 30 2 *":            "",
		"0 3 * * 8":             "",
		"@every 1h":             "",
		"0 3 * *":               "",
		"*/10 * * * *":          "2026-11-28 12:10",
		"CRON_TZ=UTC 0 3 * * 7": "2026-11-29 11:00",
	} {
		schedule, err := value.Cron(text)
		if (err != nil) != (want == "") {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if err != nil {
			continue
		}
		if got := schedule.Next(saturday).In(wxcast.Beijing).Format("2006-01-02 15:04"); got != want {
			t.Errorf("%s comes at %s, want %s", text, got, want)
		}
	}
}
