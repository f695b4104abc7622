package table_test

import (
	"strings"
	"testing"

	"github.com/wxcast/wxcast/internal/table"
)

func TestChineseIsTwoColumnsWide(t *testing.T) {
	var b strings.Builder
	table.Write(&b, "> ", []string{"NAME", "STATE"}, []string{"春季上新", "done"}, []string{"x"})
	if got, want := b.String(), "> NAME      STATE\n> 春季上新  done\n> x\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
