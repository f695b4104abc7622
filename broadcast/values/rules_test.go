package values_test

import (
	"strings"
	"testing"

	"github.com/wxcast/wxcast/broadcast/values"
	"github.com/wxcast/wxcast/internal/text"
)

func TestValuesByKeyType(t *testing.T) {
	for _, test := range []struct {
		key, value          string
		template, subscribe bool
	}{
		{"thing1", "上新提醒", true, true}, {"thing1", strings.Repeat("字", 20), true, true},
		{"thing1", strings.Repeat("字", 21), false, false}, {"thing1", "", false, false}, {"thing1", "a\nb", false,
			false},
		{"character_string2", "A-17", true, true}, {"character_string2", "取货", false, false},
		{"character_string2", strings.Repeat("x", 33), false, false},
		{"amount3", "¥28.50", true, true}, {"amount3", "28元", true, true}, {"amount3", "二十", false, false},
		{"amount3", "1234567890123", false, false}, {"amount3", "12345678901", true, false},
		{"phrase4", "已发货", true, true}, {"phrase4", "已经发货了啊", false, false},
		{"phone_number5", "+86-10-12345678", true, true}, {"car_number6", "粤A8Z888挂", true, true},
		{"time7", "2026年11月30日 10:00", true, true}, {"time7", "明天", false, false}, {"date7", "明天", false, false},
		{"const8", "", true, true}, {"keyword1", "", true, true}, {"first", strings.Repeat("x", 99), true, true},
		{"number1", "28.50", true, true}, {"number1", "28件", true, false}, {"number1", strings.Repeat("1", 33), true,
			false},
		{"letter1", "abc", true, true}, {"letter1", "A1", true, false}, {"symbol1", "%%%%%%", true, false},
		{"name1", strings.Repeat("x", 20), true, true}, {"name1", strings.Repeat("x", 21), true, false},
		{"name1", strings.Repeat("王", 10), true, true}, {"name1", strings.Repeat("王", 11), true, false},
		{"enum1", "待支付", true, true}, {"enum1", "", false, false}, {"enum2", "没有", false, false},
	} {
		for _, rules := range []struct {
			values.Rules
			ok bool
		}{{values.OfTemplates, test.template}, {values.OfSubscribe, test.subscribe}} {
			var allowed []string
			if test.key == "enum2" {
				allowed = []string{"待支付", "已支付"}
			}
			problem, want := rules.Check(test.key, test.value, allowed)
			if problem.IsZero() != rules.ok || problem.IsZero() != want.IsZero() {
				t.Errorf("%s %q: %q; %q", test.key, test.value, problem, want)
			}
			for _, l := range text.Langs {
				if said := l.Say(problem) + l.Say(want); strings.Contains(said, "subscribe.") ||
					strings.Contains(said, "template.") {
					t.Errorf("%s has no words", said)
				}
			}
		}
	}
}
