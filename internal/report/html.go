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

// Languages are those that WriteHTML writes.
var Languages = []string{"zh", "en"}

// words are the page's texts.
type words struct {
	Lang, Title, Quota, Used, Left, Limit, ByUs, ByOthers, Followers, Gained, Lost, Net, WithUnionID, Bridged, Broadcasts, None, NoDays   string
	Recipients, Delivered, Sent, Undelivered, Failed, Skipped, Unknown, Pending, Reasons, QuotaChart, GrowthChart, OutcomeChart, MadeWith string
	// ToSend takes a day; QuotaCovers what is allowed and needed; QuotaShort what waits, too.
	ToSend, Now, NothingToSend, QuotaCovers, QuotaShort, QuotaUnknown string
	lang                                                              text.Lang
}

var vocabulary = map[string]words{
	"zh": {Lang: "zh-CN", Title: "公众号日报", Quota: "模板消息配额", Used: "已用", Left: "剩余", Limit: "上限", ByUs: "wxcast 发出",
		ByOthers: "其他系统", Followers: "粉丝",
		Gained: "新增", Lost: "取关", Net: "净增", WithUnionID: "有 unionid", Bridged: "已关联小程序", Broadcasts: "群发",
		None: "当天没有群发。", NoDays: "近 30 天没有数据。",
		Recipients: "收件人", Delivered: "已送达", Sent: "已发送，无回执", Undelivered: "未送达", Failed: "失败", Skipped: "跳过",
		Unknown: "结果未知", Pending: "待发送", Reasons: "原因",
		QuotaChart: "近 30 天模板消息用量", GrowthChart: "近 30 天粉丝增减", OutcomeChart: "群发结果", MadeWith: "由 wxcast 生成，北京时间",
		ToSend: "%s 待发送", Now: "发送中", NothingToSend: "没有待发送的消息。", QuotaCovers: "今日可发 %s 条，足够发完 %s 条。",
		QuotaShort: "今日可发 %s 条，共需 %s 条；其余 %s 条顺延到次日。", QuotaUnknown: "今日配额未知。",
		lang: text.Chinese},
	"en": {Lang: "en", Title: "Daily report", Quota: "Template messages", Used: "used", Left: "left", Limit: "limit",
		ByUs: "by wxcast", ByOthers: "by others", Followers: "Followers",
		Gained: "gained", Lost: "lost", Net: "net", WithUnionID: "with unionid", Bridged: "Bridged to the mini program",
		Broadcasts: "Broadcasts", None: "No broadcast on this day.", NoDays: "Nothing is known of the last 30 days.",
		Recipients: "recipients", Delivered: "delivered", Sent: "sent, no receipt", Undelivered: "not delivered",
		Failed: "failed", Skipped: "skipped", Unknown: "unknown", Pending: "pending", Reasons: "Reasons",
		QuotaChart: "Template messages, last 30 days", GrowthChart: "Followers gained and lost, last 30 days",
		OutcomeChart: "Outcomes", MadeWith: "Made by wxcast; Beijing time",
		ToSend: "To be sent on %s", Now: "now", NothingToSend: "Nothing is to be sent.",
		QuotaCovers:  "The quota allows %s and covers all %s.",
		QuotaShort:   "The quota allows %s of %s; the other %s wait for the next day.",
		QuotaUnknown: "How much the quota allows is not known.",
		lang:         text.English},
}

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
}

type pageView struct {
	W                          words
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

// WriteHTML renders a report as one page that needs nothing else, for people who do not
// read tables. language is one of Languages.
func WriteHTML(w io.Writer, r Report, history []PastDay, language string) error {
	v := pageView{W: vocabulary[language], Account: r.Account, Day: r.Day,
		Followers: group(r.Followers.Followers), Gained: group(r.Followers.Gained), Lost: group(r.Followers.Lost),
		Net:         signed(r.Followers.Gained - r.Followers.Lost),
		WithUnionID: group(r.Followers.WithUnionID), Bridged: group(r.Bridge.Joined),
		UnionIDShare: percent(r.Followers.WithUnionID, r.Followers.Followers),
		BridgedShare: percent(r.Bridge.Joined, r.Followers.Followers),
		Quota:        quotaChart(history), Growth: growthChart(history),
	}
	for _, api := range r.APIs {
		if api.API == wechat.TemplateSendAPI {
			v.Used, v.Ours, v.Others = group(api.Used), group(api.Ours), group(api.Others)
			if api.Limit > 0 {
				v.Limit, v.Left, v.UsedShare = group(api.Limit), group(api.Remain), 100*float64(api.Used)/float64(api.Limit)
			}
		}
	}
	for _, b := range r.Broadcasts {
		v.Casts = append(v.Casts, v.W.cast(b))
	}
	v.Plan = v.W.plan(r.Plan)
	return htmlPage.Execute(w, v)
}

func (w words) plan(p *Plan) *planView {
	if p == nil {
		return nil
	}
	v := &planView{Title: fmt.Sprintf(w.ToSend, p.Day)}
	for _, b := range p.Broadcasts {
		at := w.Now
		if b.At != nil {
			at = b.At.In(wxcast.Beijing).Format("15:04")
		}
		v.Rows = append(v.Rows, plannedView{b.ID, b.Name, at, group(b.Pending)})
	}
	switch {
	case p.Covered == nil:
		v.Verdict = w.QuotaUnknown
	case *p.Covered:
		v.Verdict = fmt.Sprintf(w.QuotaCovers, group(*p.Remain), group(p.Needed))
	default:
		v.Verdict, v.Short = fmt.Sprintf(w.QuotaShort, group(*p.Remain), group(p.Needed),
			group(p.Needed-*p.Remain)), true
	}
	return v
}

func (w words) cast(b Broadcast) castView {
	c := castView{ID: b.ID, Name: b.Name, State: w.lang.T("state." + string(b.State)), Why: b.Why(w.lang),
		Whole: group(b.Recipients)}
	for _, p := range []struct {
		class, name string
		n           int64
	}{{"good", w.Delivered, b.Delivered}, {"sent", w.Sent, b.Sent - b.Delivered - b.Undelivered}, {"undelivered",
		w.Undelivered, b.Undelivered}, {"bad", w.Failed, b.Failed}, {"skipped", w.Skipped, b.Skipped},
		{"unknown", w.Unknown, b.Unknown}, {"pending", w.Pending, b.Pending}} {
		if p.n > 0 && b.Recipients > 0 {
			c.Parts = append(c.Parts, part{p.class, p.name, group(p.n), 100 * float64(p.n) / float64(b.Recipients)})
		}
	}
	for _, code := range slices.SortedFunc(maps.Keys(b.ByErrCode),
		func(x, y string) int { return int(b.ByErrCode[y] - b.ByErrCode[x]) }) {
		meaning := ""
		if n, err := strconv.Atoi(code); err == nil {
			if e, ok := wechat.Explain(n); ok {
				if meaning = e.Meaning.EN; w.Lang != "en" {
					meaning = e.Meaning.ZH
				}
			}
		}
		c.Reasons = append(c.Reasons, reason{w.lang.Say(CodeSentence(code)), meaning, group(b.ByErrCode[code])})
	}
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
		c.add(i, len(days), chartHeight-limit, limit, "limit", tip)
		c.add(i, len(days), chartHeight-used, used, "used", tip)
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
		c.add(i, len(days), c.Zero-scale*float64(d.Gained), scale*float64(d.Gained), "gained", tip)
		c.add(i, len(days), c.Zero, scale*float64(d.Lost), "lost", tip)
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

func (c *chart) add(i, n int, y, height float64, class, tip string) {
	place := chartWidth / float64(n)
	c.Bars = append(c.Bars, bar{X: place * (float64(i) + barGap/2), Y: y, W: place * (1 - barGap), H: height,
		Class: class, Tip: tip})
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
