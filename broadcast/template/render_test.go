package template_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/broadcast/template"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Whatever a person is called and a list says, a value that is written fits its key,
// and one that does not is told with the key.
func FuzzRender(f *testing.F) {
	f.Add("{{ .remark | truncate 20 }}", "老客户", "八折")
	f.Add("{{ .coupon | default \"无\" }}", "", "")
	f.Add("{{ .followed_at | date \"2006年1月2日\" }} {{ .tags }}", "a\nb", "\x00")
	f.Add("{{ if .remark }}{{ .remark }}{{ else }}您{{ end }}", "{{ .openid }}", "\xff\xfe")
	f.Add("{{ printf \"%9999d\" 1 }}", "r", "c")
	f.Add("{{ range $i, $c := .coupon }}{{ $c }}{{ end }}", "r", "ccccccccc")
	f.Fuzz(func(t *testing.T, text, remark, coupon string) {
		if !strings.Contains(text, "{{") {
			return // a constant is checked with the template, not with each person
		}
		raw, err := json.Marshal(map[string]any{"name": "n", "template": "T",
			"data": map[string]string{"thing1": text, "keyword2": text}, "on_bad_value": "truncate"})
		if err != nil {
			t.Fatal(err)
		}
		s, err := parse("f.yaml", raw) // JSON is YAML
		if err != nil {
			return
		}
		m, err := template.NewMessage(s, s.Parts[0], "wxMP", "key")
		if err != nil {
			t.Fatalf("accepted and not compiled: %v", err)
		}
		d := wxcast.Delivery{
			Follower: wxcast.Follower{OpenID: "o", UnionID: "u", Remark: remark,
				SubscribeTime: time.Unix(1_700_000_000, 0), Tags: []int{2, 100}},
			Vars: map[string]string{"coupon": coupon},
		}
		first, err := m.For(&d)
		var bad *spec.ValueError
		switch {
		case errors.As(err, &bad):
			if !strings.HasPrefix(bad.Key, "data.") && bad.Key != "miniprogram.pagepath" || bad.Problem.IsZero() {
				t.Errorf("%+v", bad)
			}
		case err == nil:
			if value := first.Data["thing1"]; utf8.RuneCountInString(value) > 20 || value == "" {
				t.Errorf("%q fits no thing", value)
			}
			if second, err := m.For(&d); err != nil || second.Data["thing1"] != first.Data["thing1"] ||
				second.ClientMsgID != first.ClientMsgID {
				t.Errorf("a second time: %+v %v", second, err)
			}
		}
	})
}
