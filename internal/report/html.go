package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"strconv"

	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

//go:embed report.html
var page string

var htmlPage = template.Must(template.New("report").Parse(page))

// The charts are drawn in these units, and scaled by the browser.
const (
	chartWidth  = 640.0
	chartHeight = 160.0
	barGap      = 0.25 // of a bar's place
)

type bar struct {
	X, Y, W, H float64
	Class, Tip string
}

type chart struct {
	Bars   []bar
	Days   []string // the first, the middle and the last
	Zero   float64  // the height of the line of 0
	Top    string   // the largest number
	Bottom string   // and the largest below the line
}

// part is a stretch of a broadcast's outcomes.
type part struct {
	Class, Name string
	N           string
	Share       float64 // percent
}

type reason struct{ Code, Meaning, N string }

type castView struct {
	ID      int64
	Name    string
	State   string
	Why     string
	Whole   string
	Parts   []part
	Reasons []reason
	Funnel  []string // a line for each channel, where there are several
}

type pageView struct {
	lang                       text.Lang
	Account                    string
	Day                        wxcast.Day
	Limit, Used, Left          string
	Ours, Others               string
	UsedShare                  float64
	Followers, Gained, Lost    string
	Net, WithUnionID, Bridged  string
	BridgedShare, UnionIDShare string
	Quota, Growth              *chart
	Casts                      []castView
	Plan                       *planView
}

// planView is what is still to be sent.
type planView struct {
	Title, Verdict string
	Short          bool // the quota does not cover it
	Rows           []plannedView
}

type plannedView struct {
	ID                int64
	Name, At, Pending string
}

// Page is a report for people who do not read tables.
type Page struct {
	Report  Report
	History []PastDay
	SendAPI string // whose quota stands on it
	Lang    text.Lang
}

// Write renders the page as HTML that needs nothing else.
func (p Page) Write(w io.Writer) error {
	r := p.Report
	v := pageView{lang: p.Lang, Account: r.Account, Day: r.Day,
		Followers: group(r.Followers.Followers), Gained: group(r.Followers.Gained), Lost: group(r.Followers.Lost),
		Net:         signed(r.Followers.Gained - r.Followers.Lost),
		WithUnionID: group(r.Followers.WithUnionID), Bridged: group(r.Bridge.Joined),
		UnionIDShare: percent(r.Followers.WithUnionID, r.Followers.Followers),
		BridgedShare: percent(r.Bridge.Joined, r.Followers.Followers),
		Quota:        quotaChart(p.History), Growth: growthChart(p.History),
	}
	for _, api := range r.APIs {
		if api.API != p.SendAPI {
			continue
		}
		v.Used, v.Ours, v.Others = group(api.Used), group(api.Ours), group(api.Others)
		if api.Limit > 0 {
			v.Limit, v.Left, v.UsedShare = group(api.Limit), group(api.Remain), 100*float64(api.Used)/float64(api.Limit)
		}
	}
	for _, b := range r.Broadcasts {
		v.Casts = append(v.Casts, v.cast(b))
	}
	v.Plan = v.plan(r.Plan)
	return htmlPage.Execute(w, &v)
}

// T is a sentence of the page.
func (v *pageView) T(code string) string { return v.lang.T("page." + code) }

func (v *pageView) plan(p *Plan) *planView {
	if p == nil {
		return nil
	}
	out := &planView{Title: v.lang.T("page.to_send", "day", string(p.Day))}
	for _, b := range p.Broadcasts {
		at := v.T("now")
		if b.At != nil {
			at = b.At.In(wxcast.Beijing).Format("15:04")
		}
		out.Rows = append(out.Rows, plannedView{b.ID, b.Name, at, group(b.Pending)})
	}
	switch {
	case p.Covered == nil:
		out.Verdict = v.T("quota_unknown")
	case *p.Covered:
		out.Verdict = v.lang.T("page.quota_covers", "allowed", *p.Remain, "needed", p.Needed)
	default:
		out.Verdict, out.Short = v.lang.T("page.quota_short", "allowed", *p.Remain, "needed", p.Needed,
			"later", p.Needed-*p.Remain), true
	}
	return out
}

func (v *pageView) cast(b Broadcast) castView {
	c := castView{ID: b.ID, Name: b.Name, State: v.lang.T("state." + string(b.State)), Why: b.Why(v.lang),
		Whole: group(b.Recipients)}
	for _, p := range []struct {
		class, name string
		n           int64
	}{
		{"good", "delivered", b.Delivered}, {"sent", "sent", b.Sent - b.Delivered - b.Undelivered},
		{"undelivered", "undelivered", b.Undelivered}, {"bad", "failed", b.Failed}, {"skipped", "skipped", b.Skipped},
		{"unknown", "unknown", b.Unknown}, {"pending", "pending", b.Pending},
	} {
		if p.n > 0 && b.Recipients > 0 {
			c.Parts = append(c.Parts, part{p.class, v.T(p.name), group(p.n),
				100 * float64(p.n) / float64(b.Recipients)})
		}
	}
	for _, code := range slices.SortedFunc(maps.Keys(b.ByErrCode),
		func(x, y string) int { return int(b.ByErrCode[y] - b.ByErrCode[x]) }) {
		meaning := ""
		if n, err := strconv.Atoi(code); err == nil {
			if e, ok := wechat.Explain(n); ok {
				meaning = e.Meaning.In(string(v.lang))
			}
		}
		c.Reasons = append(c.Reasons, reason{v.lang.Say(CodeSentence(code)), meaning, group(b.ByErrCode[code])})
	}
	if len(b.ByChannel) > 1 {
		c.Funnel = b.Funnel(v.lang)
	}
	c.Funnel = append(c.Funnel, b.Results.Says(v.lang, b.Sent)...)
	return c
}

// quotaChart shows each day's messages, below its limit.
func quotaChart(days []PastDay) *chart {
	var most int64
	for _, d := range days {
		most = max(most, d.Used, d.Limit)
	}
	if most == 0 {
		return nil
	}
	c := newChart(days, chartHeight)
	c.Top = group(most)
	for i, d := range days {
		tip := fmt.Sprintf("%s: %s / %s", d.Day, group(d.Used), group(d.Limit))
		limit := chartHeight * float64(d.Limit) / float64(most)
		used := chartHeight * float64(d.Used) / float64(most)
		c.add(i, len(days), bar{Y: chartHeight - limit, H: limit, Class: "limit", Tip: tip})
		c.add(i, len(days), bar{Y: chartHeight - used, H: used, Class: "used", Tip: tip})
	}
	return c
}

// growthChart shows who came above the line, and who left below it.
func growthChart(days []PastDay) *chart {
	var up, down int64
	for _, d := range days {
		up, down = max(up, d.Gained), max(down, d.Lost)
	}
	if up+down == 0 {
		return nil
	}
	scale := chartHeight / float64(up+down)
	c := newChart(days, scale*float64(up))
	c.Top = "+" + group(up)
	if down > 0 {
		c.Bottom = "−" + group(down)
	}
	for i, d := range days {
		tip := fmt.Sprintf("%s: +%s −%s", d.Day, group(d.Gained), group(d.Lost))
		c.add(i, len(days), bar{Y: c.Zero - scale*float64(d.Gained), H: scale * float64(d.Gained), Class: "gained",
			Tip: tip})
		c.add(i, len(days), bar{Y: c.Zero, H: scale * float64(d.Lost), Class: "lost", Tip: tip})
	}
	return c
}

func newChart(days []PastDay, zero float64) *chart {
	c := &chart{Zero: zero}
	for _, i := range []int{0, len(days) / 2, len(days) - 1} {
		c.Days = append(c.Days, string(days[i].Day)[len("2006-"):])
	}
	return c
}

// add draws a bar in the place of day i of n.
func (c *chart) add(i, n int, b bar) {
	place := chartWidth / float64(n)
	b.X, b.W = place*(float64(i)+barGap/2), place*(1-barGap)
	c.Bars = append(c.Bars, b)
}

// group writes a number with commas.
func group(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func signed(n int64) string {
	if n > 0 {
		return "+" + group(n)
	}
	return group(n)
}

func percent(n, of int64) string {
	if of == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(of))
}
