package report_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/wxcast/wxcast/bridge"
	"github.com/wxcast/wxcast/internal/golden"
	"github.com/wxcast/wxcast/internal/report"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

func TestGoldenReports(t *testing.T) {
	resumeAt := time.Date(2026, 11, 20, 16, 5, 0, 0, time.UTC)
	coverage := bridge.Coverage{Followers: 12000, WithUnionID: 11000, MiniUsers: 9000, Joined: 7000,
		WithoutUnionID: 1000, NotInMiniProgram: 4000}
	full := report.Report{
		Account: "shop", Day: "2026-11-20",
		APIs: []report.API{
			{API: "/cgi-bin/message/template/send", Limit: 100_000, Used: 100_000, Ours: 99_000, Others: 1000},
			{API: "/cgi-bin/user/get"},
		},
		Followers: report.Followers{FollowerCounts: wxcast.FollowerCounts{Followers: 12000, WithUnionID: 11000,
			Unfollowed: 40}, Gained: 120, Lost: 7},
		Bridge:  report.Bridge{MiniAppID: "wxmini1", Coverage: coverage},
		Bridges: []report.Bridge{{MiniAppID: "wxmini1", Coverage: coverage}, {MiniAppID: "wxmini2"}},
		Broadcasts: []report.Broadcast{
			{ID: 7, Name: "春季上新", State: wxcast.BroadcastWaiting,
				Reason: "the day's quota of template messages is used up", ResumeAt: &resumeAt,
				Recipients: 150_000, Sent: 98_000, Failed: 900, Unknown: 100, Pending: 51_000,
				ByErrCode: map[string]int64{"43004": 900, "no answer": 100}, Seconds: 2000},
		},
	}
	empty := report.Report{Account: "shop", Day: "2026-11-20", APIs: []report.API{}, Broadcasts: []report.Broadcast{}}
	full.Broadcasts = append(full.Broadcasts, report.Broadcast{ID: 8,
		Name: "<b>双十二</b>-coupon-for-everyone-who-followed-in-the-last-ninety-days", State: wxcast.BroadcastDone,
		Recipients: 9000, Sent: 8700, Delivered: 8000, Undelivered: 200, Failed: 100, Skipped: 150, Unknown: 50, ByErrCode: map[string]int64{"43004": 60, "43101": 40, "opted out": 150, "no answer": 50}})
	remain, covered := int64(48_000), false
	full.Events = map[string]int64{"subscribe": 120, "templatesendjobfinish": 98000, "something new": 3}
	full.Plan = &report.Plan{Day: "2026-11-21", Needed: 51_000, Remain: &remain, Covered: &covered,
		Broadcasts: []report.Planned{{ID: 7, Name: "春季上新", State: wxcast.BroadcastWaiting, At: &resumeAt,
			Pending: 51_000}}}
	empty.Plan = &report.Plan{Day: "2026-11-21", Broadcasts: []report.Planned{}}
	history := map[string][]report.PastDay{}
	for day, i := wxcast.Day("2026-10-22"), int64(0); day <= "2026-11-20"; day, i = day.Next(), i+1 {
		history["full"] = append(history["full"],
			report.PastDay{Day: day, Limit: 100_000, Used: i * i * 97 % 100_001,
				Growth: wxcast.Growth{Gained: 50 + i*37%120, Lost: i * 13 % 40}})
		history["empty"] = append(history["empty"], report.PastDay{Day: day})
	}
	for name, r := range map[string]report.Report{"full": full, "empty": empty} {
		t.Run(name, func(t *testing.T) {
			var table, csv, asJSON bytes.Buffer
			report.WriteTable(&table, r, text.English)
			if err := report.WriteCSV(&csv, r); err != nil {
				t.Fatal(err)
			}
			enc := json.NewEncoder(&asJSON)
			enc.SetIndent("", "  ")
			if err := enc.Encode(r); err != nil {
				t.Fatal(err)
			}
			golden.Check(t, "testdata/"+name+".table.golden", table.String(),
				"a report reads or parses otherwise than before")
			golden.Check(t, "testdata/"+name+".csv.golden", csv.String(),
				"a report reads or parses otherwise than before")
			golden.Check(t, "testdata/"+name+".json.golden", asJSON.String(),
				"a report reads or parses otherwise than before")
			for _, language := range text.Langs {
				var page bytes.Buffer
				if err := (report.Page{Report: r, History: history[name], SendAPI: wechat.TemplateSendAPI,
					Lang: language}).Write(&page); err != nil {
					t.Fatal(err)
				}
				golden.Check(t, "testdata/"+name+"."+string(language)+".html.golden", page.String(),
					"a report reads or parses otherwise than before")
			}
		})
	}
}

// Every form of a report says what each channel did, and why people fell through.
func TestAReportShowsItsChannels(t *testing.T) {
	r := report.Report{Account: "shop", Day: "2026-11-20", Broadcasts: []report.Broadcast{{
		ID: 1, Name: "order", State: wxcast.BroadcastRunning, Recipients: 10, Sent: 9, ByChannel: map[string]report.Channel{
			"subscribe": {Recipients: 10, Sent: 4, FellThrough: 6, Why: map[string]int64{"no permit": 5, "43101": 1},
				State: wxcast.BroadcastRunning},
			"template": {Recipients: 6, Sent: 5, Pending: 1, Why: map[string]int64{}, State: wxcast.BroadcastPaused,
				Reason: "the template is banned"},
		}}}}
	var table, page strings.Builder
	report.WriteTable(&table, r, text.Chinese)
	if err := (report.Page{Report: r, Lang: text.Chinese}).Write(&page); err != nil {
		t.Fatal(err)
	}
	_, brief := report.Brief(r, "/send")
	for form, shown := range map[string]string{"table": table.String(), "page": page.String(), "brief": brief} {
		for _, want := range []string{"6 人转下一通道", "没有订阅授权 × 5", "43101 × 1", "the template is banned"} {
			if !strings.Contains(shown, want) {
				t.Errorf("the %s does not say %q", form, want)
			}
		}
	}
}
