package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Brief is the report in a few lines for a chat, in Chinese, which the readers of chats
// with such robots read. sendAPI is the API whose quota it tells.
func Brief(r Report, sendAPI string) (title, body string) {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	for _, api := range r.APIs {
		if api.API != sendAPI {
			continue
		}
		if api.Limit > 0 {
			line("模板消息：已用 %d / %d，剩余 %d（wxcast 发出 %d）", api.Used, api.Limit, api.Remain, api.Ours)
		} else {
			line("模板消息：wxcast 发出 %d", api.Ours)
		}
	}
	line("粉丝：%d（新增 %d，取关 %d，净增 %d）", r.Followers.Followers, r.Followers.Gained, r.Followers.Lost,
		r.Followers.Gained-r.Followers.Lost)
	line("已关联小程序：%d", r.Bridge.Joined)
	for _, cast := range r.Broadcasts {
		line("群发 %d %s：%s，收件人 %d，已发 %d，送达 %d，失败 %d，跳过 %d，未知 %d，待发 %d",
			cast.ID, cast.Name, text.Chinese.T("state."+string(cast.State)), cast.Recipients, cast.Sent, cast.Delivered, cast.Failed, cast.Skipped, cast.Unknown, cast.Pending)
		if len(cast.ByErrCode) > 0 {
			parts := []string{}
			for _, code := range slices.Sorted(maps.Keys(cast.ByErrCode)) {
				parts = append(parts, fmt.Sprintf("%s × %d", text.Chinese.Say(CodeSentence(code)),
					cast.ByErrCode[code]))
			}
			line("　%s", strings.Join(parts, "，"))
		}
		if len(cast.ByChannel) > 1 {
			for _, one := range cast.Funnel(text.Chinese) {
				line("　%s", one)
			}
		}
		if why := cast.Why(text.Chinese); why != "" {
			line("　%s", why)
		}
	}
	if p := r.Plan; p != nil && len(p.Broadcasts) > 0 {
		line("今日（%s）待发 %d 条：", p.Day, p.Needed)
		for _, b := range p.Broadcasts {
			at := "正在发送"
			if b.At != nil {
				at = b.At.In(wxcast.Beijing).Format("15:04") + " 开始"
			}
			line("　群发 %d %s：%d，%s", b.ID, b.Name, b.Pending, at)
		}
		switch {
		case p.Covered == nil:
			line("　今日配额未知")
		case *p.Covered:
			line("　今日可发 %d，配额足够", *p.Remain)
		default:
			line("　今日可发 %d，配额不足，其余 %d 条顺延", *p.Remain, p.Needed-*p.Remain)
		}
	}
	return fmt.Sprintf("wxcast 日报 %s（%s）", r.Day, r.Account), strings.TrimSuffix(b.String(), "\n")
}
