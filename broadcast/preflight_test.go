package broadcast_test

import (
	"strings"
	"testing"
	"time"

	"github.com/wxcast/wxcast/broadcast"
	"github.com/wxcast/wxcast/internal/wxcast"
)

func TestForetell(t *testing.T) {
	noon := time.Date(2026, 11, 20, 12, 0, 0, 0, wxcast.Beijing)
	at := func(day, hour, minute, second int) time.Time {
		return time.Date(2026, 11, day, hour, minute, second, 0, wxcast.Beijing)
	}
	for name, test := range map[string]struct {
		n    int64
		rate float64
		q    wxcast.Quota
		keep int64
		days int
		ends time.Time

		quiet []broadcast.QuietHours
	}{
		"no known limit":                 {36_000, 10, wxcast.Quota{}, 0, 1, at(20, 13, 0, 0), nil},
		"inside today's quota":           {9_000, 10, wxcast.Quota{Limit: 10_000, Used: 1000}, 0, 1, at(20, 12, 15, 0), nil},
		"the rest goes tomorrow":         {9_001, 10, wxcast.Quota{Limit: 10_000, Used: 1000}, 0, 2, at(21, 0, 5, 0).Add(100 * time.Millisecond), nil},
		"keep counts every day":          {25_000, 100, wxcast.Quota{Limit: 10_000}, 1000, 3, at(22, 0, 6, 10), nil},
		"nothing is left today":          {100, 10, wxcast.Quota{Limit: 1000, Used: 1000}, 0, 2, at(21, 0, 5, 10), nil},
		"the day ends before the quota":  {100_000, 1, wxcast.Quota{Limit: 1_000_000}, 0, 2, at(21, 15, 46, 40), nil},
		"quiet hours hold it up":         {36_001, 1, wxcast.Quota{}, 0, 2, at(21, 8, 0, 1), []broadcast.QuietHours{{From: 22 * time.Hour, To: 8 * time.Hour}}},
		"lunch is quiet":                 {7200, 1, wxcast.Quota{}, 0, 1, at(20, 15, 0, 0), []broadcast.QuietHours{{From: 12 * time.Hour, To: 13 * time.Hour}}},
		"what is kept is all there ever": {1, 10, wxcast.Quota{Limit: 1000}, 1000, 0, time.Time{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := broadcast.Foretell(noon, test.n, broadcast.Options{Rate: test.rate, QuotaKeep: test.keep, Quiet: test.quiet}, test.q)
			if f.Days != test.days || !f.EndsAt.Equal(test.ends) {
				t.Errorf("%d days, ends %v; want %d, %v", f.Days, f.EndsAt.In(wxcast.Beijing), test.days, test.ends)
			}
		})
	}
}

func TestVariablesAndHelpers(t *testing.T) {
	person := wxcast.Delivery{
		Follower: wxcast.Follower{
			OpenID: "o1", UnionID: "u1", Remark: "一个特别特别特别特别特别特别长的备注名字", Tags: []int{2, 100},
			SubscribeTime: time.Date(2026, 3, 4, 17, 30, 0, 0, time.UTC),
		},
		MiniOpenID: "m1",
	}
	nobody := wxcast.Delivery{Follower: wxcast.Follower{OpenID: "o2"}}
	for text, want := range map[string][2]string{
		"{{ .openid }}/{{ .unionid }}/{{ .mini_openid }}": {"o1/u1/m1", "o2//"},
		`尊敬的{{ .remark | default "客户" | truncate 6 }}`:    {"尊敬的一个特别特…", "尊敬的客户"},
		`{{ .followed_at | date "2006年1月2日" }}`:           {"2026年3月5日", ""},
		`{{ .followed_at }}`:                              {"2026-03-05 01:30", ""},
		`{{ .tags }}`:                                     {"2,100", ""},
	} {
		spec, err := broadcast.ParseSpec("s.yaml", []byte("name: n\ntemplate: T\ndata: {keyword1: 'x'}\nminiprogram: {pagepath: '"+text+"'}\n"))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		m, err := broadcast.NewMessage(spec, "wx", "k")
		if err != nil {
			t.Fatal(err)
		}
		for i, d := range []wxcast.Delivery{person, nobody} {
			if got, err := m.For(&d); err != nil || got.PagePath != want[i] {
				t.Errorf("%s: %q %v, want %q", text, got.PagePath, err, want[i])
			}
		}
	}
}

func TestValuesThatDoNotFitAreStoppedSkippedOrCut(t *testing.T) {
	long := wxcast.Delivery{Follower: wxcast.Follower{OpenID: "o1", Remark: strings.Repeat("长", 21) + "\n"}}
	for mode, want := range map[string]string{"stop": "", "skip": "", "truncate": strings.Repeat("长", 19) + "…"} {
		spec, err := broadcast.ParseSpec("s.yaml", []byte("name: n\ntemplate: T\ndata: {thing1: '{{ .remark }}'}\non_bad_value: "+mode+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		m, err := broadcast.NewMessage(spec, "wx", "k")
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.For(&long)
		if (want == "") != (err != nil) || err == nil && got.Data["thing1"] != want {
			t.Errorf("%s: %q %v", mode, got.Data["thing1"], err)
		}
	}
	if _, err := broadcast.ParseSpec("s.yaml", []byte("name: n\ntemplate: T\ndata: {thing1: x}\non_bad_value: cut\n")); err == nil || err.Error() != `s.yaml:4: on_bad_value: "cut" is no way to treat a value; write stop, skip or truncate` {
		t.Errorf("%v", err)
	}
}
