package template_test

import (
	"strings"
	"testing"
	"time"

	"github.com/wxcast/wxcast/broadcast/template"
	"github.com/wxcast/wxcast/internal/wxcast"
)

func TestVariablesAndHelpers(t *testing.T) {
	person := wxcast.Delivery{
		Follower: wxcast.Follower{
			OpenID: "o1", UnionID: "u1", Remark: "一个特别特别特别特别特别特别长的备注名字", Tags: []int{2, 100},
			SubscribeTime: time.Date(2026, 3, 4, 17, 30, 0, 0, time.UTC),
		},
		MiniOpenID: "m1",
	}
	nobody := wxcast.Delivery{Follower: wxcast.Follower{OpenID: "o2"}}
	for text, want := range map[string][2]string{
		"{{ .openid }}/{{ .unionid }}/{{ .mini_openid }}": {"o1/u1/m1", "o2//"},
		`尊敬的{{ .remark | default "客户" | truncate 6 }}`:    {"尊敬的一个特别特…", "尊敬的客户"},
		`{{ .followed_at | date "2006年1月2日" }}`:           {"2026年3月5日", ""},
		`{{ .followed_at }}`:                              {"2026-03-05 01:30", ""},
		`{{ .tags }}`:                                     {"2,100", ""},
	} {
		s, err := parse("s.yaml",
			[]byte("name: n\ntemplate: T\ndata: {any: '["+text+"]'}\n"))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		m, err := template.NewMessage(s, s.Parts[0], "wx", "k")
		if err != nil {
			t.Fatal(err)
		}
		for i, d := range []wxcast.Delivery{person, nobody} {
			if got, err := m.For(&d); err != nil || got.Data["any"] != "["+want[i]+"]" {
				t.Errorf("%s: %q %v, want %q", text, got.Data["any"], err, want[i])
			}
		}
	}
}

func TestValuesThatDoNotFitAreStoppedSkippedOrCut(t *testing.T) {
	long := wxcast.Delivery{Follower: wxcast.Follower{OpenID: "o1", Remark: strings.Repeat("长", 21) + "\n"}}
	for mode, want := range map[string]string{"stop": "", "skip": "", "truncate": strings.Repeat("长", 19) + "…"} {
		s, err := parse("s.yaml",
			[]byte("name: n\ntemplate: T\ndata: {thing1: '{{ .remark }}'}\non_bad_value: "+mode+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		m, err := template.NewMessage(s, s.Parts[0], "wx", "k")
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.For(&long)
		if (want == "") != (err != nil) || err == nil && got.Data["thing1"] != want {
			t.Errorf("%s: %q %v", mode, got.Data["thing1"], err)
		}
	}
	if _, err := parse("s.yaml", []byte("name: n\ntemplate: T\ndata: {thing1: x}\non_bad_value: cut\n")); err == nil ||
		words(err) != `s.yaml:4: on_bad_value: "cut" is no way to treat a value; write stop, skip or truncate` {
		t.Errorf("%v", err)
	}
}
