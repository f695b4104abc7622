package simulator

import "testing"

// Answers are byte for byte as WeChat writes them: a widespread client breaks on a line end.
func TestJSONIsWrittenAsWeChatDoes(t *testing.T) {
	for _, test := range []struct {
		v    any
		want string
	}{
		{map[string]string{"url": "https://a.example/?b=1&c=<2>"}, `{"url":"https://a.example/?b=1&c=<2>"}`},
		{map[string]string{"remark": "张\u2028三"}, "{\"remark\":\"张\u2028三\"}"},
		{map[string]string{"remark": "a\x01b"}, "{\"remark\":\"a\x01b\"}"},
		{map[string]string{"remark": `a\u0041"`}, `{"remark":"a\\u0041\""}`},
		{map[string]string{"remark": "a\nb"}, `{"remark":"a\nb"}`},
	} {
		if got := string(wire(test.v)); got != test.want {
			t.Errorf("%v is written %q, want %q", test.v, got, test.want)
		}
	}
}
