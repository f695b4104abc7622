package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/wxcast/wxcast/internal/table"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// WriteTable renders a report for a terminal.
func WriteTable(w io.Writer, r Report, lang text.Lang) {
	fmt.Fprintln(w, lang.T("report.title", "account", r.Account, "day", string(r.Day)))
	section := func(title string, rows ...[]any) {
		fmt.Fprintf(w, "\n%s\n", title)
		cells := make([][]string, len(rows))
		for i, row := range rows {
			for _, cell := range row {
				cells[i] = append(cells[i], fmt.Sprint(cell))
			}
		}
		table.Write(w, "  ", cells...)
	}

	quotas := [][]any{heads(lang, "api", "limit", "used", "by_wxcast", "by_others", "left")}
	for _, api := range r.APIs {
		if api.Limit == 0 {
			quotas = append(quotas, []any{api.API, lang.T("report.unknown"), api.Used, api.Ours, api.Others,
				lang.T("report.unknown")})
			continue
		}
		quotas = append(quotas, []any{api.API, api.Limit, api.Used, api.Ours, api.Others, api.Remain})
	}
	if len(r.APIs) == 0 {
		quotas = [][]any{{lang.T("report.not_asked")}}
	}
	section(lang.T("report.quota"), quotas...)
	section(lang.T("report.followers"),
		[]any{lang.T("count.following"), r.Followers.Followers},
		[]any{lang.T("count.with_unionid"), r.Followers.WithUnionID},
		[]any{lang.T("count.gained"), r.Followers.Gained}, []any{lang.T("count.lost"),
			r.Followers.Lost}, []any{lang.T("count.net"), r.Followers.Gained - r.Followers.Lost})

	for _, b := range r.bridges() {
		section(lang.T("report.bridge", "appid", b.MiniAppID),
			[]any{lang.T("count.mini_users"), b.MiniUsers}, []any{lang.T("count.mini_user_known"), b.MiniUserKnown},
			[]any{lang.T("count.bridged"), b.Joined},
			[]any{lang.T("count.without_unionid"), b.WithoutUnionID}, []any{lang.T("count.not_in_mini_program"),
				b.NotInMiniProgram}, []any{lang.T("count.ambiguous"), b.Ambiguous})
	}

	broadcasts := [][]any{heads(lang, "id", "name", "state", "recipients", "sent", "delivered", "failed", "skipped",
		"unknown", "pending")}
	for _, b := range r.Broadcasts {
		broadcasts = append(broadcasts, []any{b.ID, b.Name, state(lang, b.State), b.Recipients, b.Sent, b.Delivered,
			b.Failed, b.Skipped, b.Unknown, b.Pending})
	}
	if len(r.Broadcasts) == 0 {
		broadcasts = [][]any{{lang.T("report.none")}}
	}
	section(lang.T("report.broadcasts"), broadcasts...)
	for _, b := range r.Broadcasts {
		for _, code := range slices.Sorted(maps.Keys(b.ByErrCode)) {
			fmt.Fprintf(w, "  %d: %s × %d\n", b.ID, lang.Say(CodeSentence(code)), b.ByErrCode[code])
		}
		if len(b.ByChannel) > 1 {
			for _, line := range b.Funnel(lang) {
				fmt.Fprintf(w, "  %d: %s\n", b.ID, line)
			}
		}
		for _, line := range b.Results.Says(lang, b.Sent) {
			fmt.Fprintf(w, "  %d: %s\n", b.ID, line)
		}
		if b.State == wxcast.BroadcastWaiting || b.State == wxcast.BroadcastPaused {
			code, until := "report.stopped", time.Time{}
			if b.ResumeAt != nil {
				code, until = "report.stopped_until", *b.ResumeAt
			}
			fmt.Fprintln(w, "  "+lang.T(code, "id", b.ID, "state", state(lang, b.State), "reason", b.Why(lang), "until",
				until))
		}
	}
	if len(r.Events) > 0 {
		var rows [][]any
		for _, kind := range slices.Sorted(maps.Keys(r.Events)) {
			rows = append(rows, []any{kind, r.Events[kind]})
		}
		section(lang.T("report.callbacks"), rows...)
	}
	if r.Plan != nil {
		var rows [][]any
		for _, b := range r.Plan.Broadcasts {
			at := lang.T("report.now")
			if b.At != nil {
				at = lang.T("report.from", "at", *b.At)
			}
			rows = append(rows, []any{b.ID, b.Name, state(lang, b.State), at, b.Pending})
		}
		if len(rows) == 0 {
			rows = [][]any{{lang.T("report.nothing")}}
		}
		section(lang.T("report.to_be_sent", "day", string(r.Plan.Day)), rows...)
		if len(r.Plan.Broadcasts) > 0 {
			fmt.Fprintf(w, "  %s\n", lang.Say(r.Plan.verdict()))
		}
	}
}

// Funnel says, a line for each channel, how many it reached and why people fell through.
func (b Broadcast) Funnel(lang text.Lang) (lines []string) {
	for _, name := range b.Channels() {
		c := b.ByChannel[name]
		line := lang.T("report.channel", "channel", lang.T("channel."+name), "tried", c.Recipients, "sent", c.Sent,
			"failed", c.Failed+c.Skipped, "unknown", c.Unknown, "pending", c.Pending)
		if c.FellThrough > 0 {
			var why []string
			for _, code := range slices.Sorted(maps.Keys(c.Why)) {
				why = append(why, fmt.Sprintf("%s × %d", lang.Say(CodeSentence(code)), c.Why[code]))
			}
			line += lang.T("report.fell", "n", c.FellThrough, "why", strings.Join(why, lang.T("report.and")))
		}
		if c.State != wxcast.BroadcastRunning && c.State != "" {
			reason := c.Reason
			if !c.why.IsZero() {
				reason = lang.Say(c.why)
			}
			line += lang.T("report.channel_stopped", "state", state(lang, c.State), "reason", reason)
		}
		lines = append(lines, line)
	}
	return lines
}

// verdict says whether the quota covers the plan.
func (p Plan) verdict() wxcast.Sentence {
	switch {
	case p.Covered == nil:
		return wxcast.Say("report.plan_unknown")
	case *p.Covered:
		return wxcast.Say("report.plan_covers", "remain", *p.Remain, "needed", p.Needed)
	}
	return wxcast.Say("report.plan_short", "remain", *p.Remain, "needed", p.Needed, "others", p.Needed-*p.Remain)
}

// heads are a table's column heads.
func heads(lang text.Lang, codes ...string) []any {
	all := make([]any, len(codes))
	for i, code := range codes {
		all[i] = lang.T("col." + code)
	}
	return all
}

func state(lang text.Lang, s wxcast.BroadcastState) string { return lang.T("state." + string(s)) }
