package wechat_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/wxcast/wxcast/internal/wechat"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The page for operators is the table itself.
func TestThePageOfErrorCodes(t *testing.T) {
	const path = "../../docs/errcodes.md"
	var b strings.Builder
	b.WriteString("# WeChat's error codes\nWritten from the table in `internal/wechat/errcode.go` (`make golden`); `wxcast explain CODE` shows the same, with what wxcast does by itself.\n\n")
	b.WriteString("| code | class | fault | meaning | what to do | 含义 | 处理 |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	for _, e := range wechat.ErrCodes {
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %s | %s | %s |\n", e.Code, e.Class, e.Fault, e.Meaning.EN, e.Advice.EN, e.Meaning.ZH, e.Advice.ZH)
	}
	b.WriteString("\nA code that is not here counts as `message bad`: WeChat adds some without telling. If every message gets it, the broadcast pauses.\n")
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	page, err := os.ReadFile(path)
	if err != nil || string(page) != b.String() {
		t.Errorf("docs/errcodes.md is not the table; run make golden (%v)", err)
	}
}
