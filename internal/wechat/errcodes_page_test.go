package wechat_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wxcast/wxcast/internal/golden"
	"github.com/wxcast/wxcast/internal/wechat"
)

// The page for operators is the table itself.
func TestGoldenErrorCodesPage(t *testing.T) {
	const path = "../../docs/errcodes.md"
	var b strings.Builder
	b.WriteString("# WeChat's error codes\nWritten from the table in `internal/wechat/errcode.go` (`make golden`); `wxcast explain CODE` shows the same, with what wxcast does by itself.\n\n")
	b.WriteString("| code | class | fault | meaning | what to do | 含义 | 处理 |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	for _, e := range wechat.ErrCodes {
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %s | %s | %s |\n", e.Code, e.Class, e.Fault, e.Meaning.EN, e.Advice.EN,
			e.Meaning.ZH, e.Advice.ZH)
	}
	b.WriteString("\nA code that is not here counts as `message bad`: WeChat adds some without telling. If every message gets it, the broadcast pauses.\n")
	golden.Check(t, path, b.String(), "docs/errcodes.md is not the table")
}
