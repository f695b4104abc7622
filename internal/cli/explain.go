package cli

import (
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/table"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

func (a *app) explainCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "explain CODE",
		Example: "  wxcast explain 40164\n  wxcast explain --json 47003\n  wxcast explain -- -1",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			code, err := strconv.Atoi(args[0])
			if err != nil {
				return usageError{wxcast.NewError("explain.no_code", "value", args[0])}
			}
			e, known := wechat.Explain(code)
			if !known {
				e = wechat.ErrCode{
					Code: code, Class: wechat.ClassOfCode(code), Fault: wechat.FaultPlatform,
					Meaning: wechat.Text{EN: "this code is not known: WeChat adds some without telling",
						ZH: "未收录的错误码：微信会不经公告新增错误码"},
					Advice: wechat.Text{EN: "Look the rid up in the console, and tell us what you find.",
						ZH: "用 rid 在公众平台查询，并向我们反馈。"},
				}
			}
			return a.print(explanation(e), func(w io.Writer) { a.writeExplanation(w, e) })
		},
	}
}

func explanation(e wechat.ErrCode) map[string]any {
	text := func(t wechat.Text) map[string]string { return map[string]string{"en": t.EN, "zh": t.ZH} }
	return map[string]any{
		"code": e.Code, "class": e.Class.String(), "fault": e.Fault,
		"meaning": text(e.Meaning), "wxcast": text(e.Class.Action()), "advice": text(e.Advice),
	}
}

func (a *app) writeExplanation(w io.Writer, e wechat.ErrCode) {
	action := e.Class.Action()
	table.Write(w, "",
		[]string{strconv.Itoa(e.Code), e.Meaning.EN},
		[]string{"", e.Meaning.ZH},
		[]string{a.lang.T("explain.fault"), a.lang.T("fault." + string(e.Fault))},
		[]string{"wxcast", action.EN},
		[]string{"", action.ZH},
		[]string{a.lang.T("explain.you"), e.Advice.EN},
		[]string{"", e.Advice.ZH},
	)
}
