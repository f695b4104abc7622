package spec_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wxcast/wxcast/broadcast/subscribe"
	"github.com/wxcast/wxcast/broadcast/template"
	"github.com/wxcast/wxcast/internal/golden"
	"github.com/wxcast/wxcast/internal/text"
)

const shipped = `name: order-shipped
channels:
  - subscribe:
      template: SUB_ID
      page: "pages/order?id={{ .mini_openid }}"
      data: {thing1: "{{ .remark }}", time2: "2026-11-30 10:00"}
      miniprogram_state: formal
  - template:
      template: TPL_ID
      data: {thing1: 已发货}
      miniprogram: {pagepath: pages/order}
  - service: {title: "{{ .remark }}已发货", pagepath: pages/order, media_id: M}
prefer: order
`

func words(err error) string {
	if err == nil {
		return ""
	}
	return text.English.Error(err, text.NoDoor, nil)
}

// changed is the spec with the first of old replaced.
func changed(change string) string {
	old, replacement, _ := strings.Cut(change, " => ")
	return strings.Replace(shipped, old, replacement, 1)
}

func TestASpecNamesSeveralChannelsInOrder(t *testing.T) {
	s, err := parse(shipped)
	if err != nil {
		t.Fatal(words(err))
	}
	var names []string
	for _, part := range s.Parts {
		names = append(names, part.Channel)
	}
	if strings.Join(names, " ") != "subscribe template service" {
		t.Errorf("%v", names)
	}
	sub, _ := s.Part("subscribe")
	if c := subscribe.Of(sub); c.TemplateID != "SUB_ID" || c.Data["thing1"] != "{{ .remark }}" {
		t.Errorf("%+v", c)
	}
	if tpl, _ := s.Part("template"); template.Of(tpl).TemplateID != "TPL_ID" {
		t.Errorf("%+v", tpl)
	}
	if _, ok := s.Part("pigeon"); ok {
		t.Error("there is a pigeon")
	}
}

func TestTheCheapestChannelGoesFirstWhereThatIsAskedFor(t *testing.T) {
	costs := map[string]int{"service": 0, "template": 1, "subscribe": 2}
	for change, want := range map[string]string{
		"": "subscribe template service", "prefer: order => ": "subscribe template service",
		"prefer: order => prefer: cheapest": "service template subscribe",
	} {
		s, err := parse(changed(change))
		if err != nil {
			t.Fatal(words(err))
		}
		var got []string
		for _, part := range s.InOrder(func(channel string) int { return costs[channel] }) {
			got = append(got, part.Channel)
		}
		if strings.Join(got, " ") != want || s.Parts[0].Channel != "subscribe" {
			t.Errorf("%s: %v, want %s", change, got, want)
		}
	}
	s, _ := parse(changed("prefer: order => prefer: cheapest"))
	if got := s.InOrder(func(string) int { return 0 }); got[0].Channel != "subscribe" || got[2].Channel != "service" {
		t.Errorf("channels of the same cost changed places: %v", got)
	}
}

func TestMistakesInChannelsAreToldWithTheirLine(t *testing.T) {
	const formID = "WeChat retired form_id on 2020-01-10; remove it, and send by the channel subscribe"
	for change, want := range map[string]string{
		"prefer: order => prefer: best":   `s.yaml:13: prefer: "best" is no way to choose among channels; write order or cheapest`,
		"- service: => - letter:":         `s.yaml:12: channels.letter: "letter" is no channel of a spec`,
		"- service: => - servise:":        `s.yaml:12: channels.servise: "servise" is no channel of a spec; did you mean service?`,
		"- template:\n => - subscribe:\n": "s.yaml:8: channels.subscribe: stands on line 3 already; remove one",
		"prefer: order => template: X": "s.yaml:13: template: stands beside channels, which say what is sent; " +
			"move it below channels, into template: {…}",
		"channels: => url: https://example.com/\nchannels:": "s.yaml:2: url: stands beside channels",
		"thing1: 已发货 => thing-1: 已发货":                       "s.yaml:10: channels.template.data.thing-1: is no key of a template",
		"      page: => \n      pag:":                       "s.yaml:6: channels.subscribe.pag: is not a key of a spec; did you mean page?",
		`"{{ .remark }}", => "{{ .nobody }}",`: `s.yaml:6: channels.subscribe.data.thing1: "{{ .nobody }}" cannot be filled in: ` +
			"there is no variable .nobody",
		"      template: SUB_ID\n => ":      "s.yaml:3: channels.subscribe.template: is missing; copy the template id from the mini program's console",
		"      data: {thing1: 已发货}\n => ":   "s.yaml:8: channels.template.data: is missing",
		"pages/order?id => /pages/order?id": `s.yaml:5: channels.subscribe.page: "/pages/order?id=x" begins with a slash`,
		"miniprogram_state: formal => lang: fr": `s.yaml:7: channels.subscribe.lang: "fr" is no language of a subscribe message; ` +
			"write zh_CN, en_US, zh_HK or zh_TW",
		"state: formal => state: beta":               `s.yaml:7: channels.subscribe.miniprogram_state: "beta" is no state of a mini program`,
		"state: formal => state: formal\n      x: 1": "s.yaml:8: channels.subscribe.x: is not a key of a spec",
		// form_id, wherever it stands.
		"prefer: order => form_id: abc":            "s.yaml:13: form_id: " + formID,
		"miniprogram_state: formal => formId: abc": "s.yaml:7: channels.subscribe.formId: " + formID,
		"{thing1: 已发货} => {form_id: abc}":          "s.yaml:10: channels.template.data.form_id: " + formID,
	} {
		_, err := parse(changed(change))
		if got := words(err); err == nil || !strings.HasPrefix(got, want) {
			t.Errorf("%s\ngot  %s\nwant %s", change, got, want)
		}
	}
	for raw, want := range map[string]string{
		"[]":                              "s.yaml:2: channels: is not a list of channels",
		"":                                "s.yaml:2: channels: is not a list of channels",
		"{template: {template: T}}":       "s.yaml:2: channels: is not a list of channels",
		"[template]":                      "s.yaml:2: channels: an entry of the list is not one channel with its keys",
		"[{}]":                            "s.yaml:2: channels: an entry of the list is not one channel with its keys",
		"\n- template:\n  template: T":    "s.yaml:3: channels: an entry of the list is not one channel with its keys",
		"\n- template: {}\n  service: {}": "s.yaml:3: channels: an entry of the list is not one channel with its keys",
		"\n- template:":                   "s.yaml:3: channels.template: is not a map of keys and values",
	} {
		_, err := parse("name: n\nchannels: " + raw + "\n")
		if got := words(err); err == nil || !strings.HasPrefix(got, want) || strings.Contains(got, "\n") {
			t.Errorf("%s\ngot  %s\nwant %s, and nothing else", raw, got, want)
		}
	}
}

func TestTheFlatFormIsTheFirstChannel(t *testing.T) {
	const keys = "{template: T, data: {thing1: a}}"
	flat, err := parse("name: n\ntemplate: T\ndata: {thing1: a}\n")
	if err != nil {
		t.Fatal(words(err))
	}
	listed, err := parse("name: n\nchannels: [{template: " + keys + "}]\nprefer: cheapest\n")
	if err != nil {
		t.Fatal(words(err))
	}
	other, err := parse("name: n\nchannels: [{subscribe: " + keys + "}]\n")
	if err != nil {
		t.Fatal(words(err))
	}
	if flat.Parts[0].Channel != "template" || flat.ContentHash() != listed.ContentHash() {
		t.Errorf("%+v is another broadcast than %+v", flat.Parts, listed.Parts)
	}
	if other.ContentHash() == flat.ContentHash() {
		t.Error("a subscribe message is the same as a template message")
	}
	if key := flat.Parts[0].Key("data.thing1"); key != "data.thing1" {
		t.Errorf("%s", key)
	}
}

// What is said by which channel, in which order, is the broadcast; how it is written is not.
func TestWhatIsSaidByWhichChannelMakesTheBroadcast(t *testing.T) {
	hash := func(change string) string {
		t.Helper()
		s, err := parse(changed(change))
		if err != nil {
			t.Fatalf("%s: %s", change, words(err))
		}
		return s.ContentHash()
	}
	same := hash("")
	for _, change := range []string{"prefer: order => ", "miniprogram_state: formal => lang: zh_CN",
		"prefer: order => rate: 5",
		"order-shipped => another-name"} {
		if hash(change) != same {
			t.Errorf("%s: another broadcast", change)
		}
	}
	seen := map[string]string{same: "nothing"}
	for _, change := range []string{
		"SUB_ID => SUB", "TPL_ID => TPL", "prefer: order => prefer: cheapest", "state: formal => state: trial",
		"miniprogram_state: formal => lang: en_US", "media_id: M => media_id: N", "已发货} => 发货}",
		"page: => appid: wx1 #",
		"  - service: {title: \"{{ .remark }}已发货\", pagepath: pages/order, media_id: M}\n => ",
		"media_id: M => media_id: M, appid: wx1", "      miniprogram: {pagepath: pages/order}\n => ",
	} {
		got := hash(change)
		if other, twice := seen[got]; twice {
			t.Errorf("%s is the same broadcast as %s", change, other)
		}
		seen[got] = change
	}
	first, second, _ := strings.Cut(shipped, "  - template:")
	head, sub, _ := strings.Cut(first, "  - subscribe:")
	tpl, rest, _ := strings.Cut(second, "  - service:")
	s, err := parse(head + "  - template:" + tpl + "  - subscribe:" + sub + "  - service:" + rest)
	if err != nil || s.ContentHash() == same {
		t.Errorf("channels in another order are the same broadcast (%s)", words(err))
	}
}

// The hashes of these specs are fixed, as those of template messages alone are in
// broadcast/template. A change here is a release that sends to everyone again.
func TestGoldenContentHashes(t *testing.T) {
	var got strings.Builder
	for i, raw := range []string{
		shipped,
		changed("prefer: order => prefer: cheapest"),
		changed("prefer: order => audience: {bridged: any}"),
		"name: n\nchannels: [{subscribe: {template: T, data: {thing1: a}, page: p, " +
			"miniprogram_state: trial, lang: en_US, appid: wx1}}]\n",
		"name: n\nchannels: [{notice: {template: T, data: {thing1: a}, page: https://example.com/, " +
			"miniprogram: {appid: wx1, pagepath: p}}}]\n",
		"name: n\nchannels: [{service: {title: t, pagepath: p, media_id: M, appid: wx1}}]\n",
		"name: n\nchannels: [{service: {text: 你好}}, {template: {template: T, data: {thing1: a}}}]\n",
		"name: n\nchannels: [{template: {template: T, data: {thing1: a}}}]\n",
	} {
		s, err := parse(raw)
		if err != nil {
			t.Fatalf("%s\n%s", words(err), raw)
		}
		fmt.Fprintf(&got, "%02d %s\n", i+1, s.ContentHash())
	}
	golden.Check(t, "testdata/hashes.golden", got.String(),
		"a spec has another content hash than before: run again, it would be sent to everyone again")
}

func FuzzParseSpec(f *testing.F) {
	f.Add(shipped)
	f.Add("name: n\nchannels: [{template: {template: T, data: {a: b}}}, {service: {text: '{{ .remark }}'}}]\n")
	f.Add("name: n\nchannels: [{service: {title: t, pagepath: '{{ .x }}', image: ../a.png}}]\naudience: {in: l.csv}\n")
	f.Add("channels: &a [*a]\n")
	f.Add("name: n\ntemplate: T\nform_id: x\nchannels:\n- template:\n")
	// An accepted spec has parts that compile, each channel once; a refused one says where.
	f.Fuzz(func(t *testing.T, raw string) {
		s, err := parse(raw)
		if err != nil {
			if !strings.HasPrefix(words(err), "s.yaml") {
				t.Errorf("%v", err)
			}
			return
		}
		seen := map[string]bool{}
		for _, part := range s.Parts {
			if seen[part.Channel] {
				t.Errorf("%s is there twice", part.Channel)
			}
			seen[part.Channel] = true
			if w, err := writer(s, part); err != nil {
				t.Errorf("accepted and not compiled: %v", err)
			} else {
				_, _ = w.Show(nobody())
			}
		}
		if len(s.Parts) == 0 || len(s.InOrder(func(string) int { return 0 })) != len(s.Parts) {
			t.Error("it says nothing")
		}
	})
}
