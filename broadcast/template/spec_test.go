package template_test

import (
	"strings"
	"testing"
	"time"

	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/broadcast/template"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

const goodSpec = `name: spring-sale
template: TPL_ID
data: {thing1: "上新提醒", time2: "2026-11-30 10:00"}
miniprogram: {pagepath: "pages/sale/index?from=oa"}
rate: 50
`

// parse reads a spec of template messages.
func parse(file string, raw []byte) (*spec.Spec, error) {
	return spec.Parse(file, raw, template.Form{})
}

// words are what people read of an error.
func words(err error) string {
	if err == nil {
		return ""
	}
	return text.English.Error(err, text.NoDoor, nil)
}

func TestTheSmallestSpec(t *testing.T) {
	s, err := parse("spec.yaml", []byte(goodSpec))
	if err != nil {
		t.Fatal(err)
	}
	if c := template.Of(s.Parts[0]); s.Name != "spring-sale" || c.TemplateID != "TPL_ID" || c.Data["thing1"] != "上新提醒" ||
		c.Data["time2"] != "2026-11-30 10:00" ||
		c.PagePath != "pages/sale/index?from=oa" || s.Rate != 50 || s.QuotaKeep != -1 {
		t.Errorf("%+v", s)
	}
}

func TestValuesStandAsTheyWereWritten(t *testing.T) {
	s, err := parse("spec.yaml",
		[]byte("name: 春季上新\ntemplate: T\nquota: {keep: 10}\ndata:\n  amount1: 28.50\n  time2: 2026-11-30 10:00\n  thing3: {value: yes}\n  character_string4: 007\n"))
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"amount1": "28.50", "time2": "2026-11-30 10:00", "thing3": "yes",
		"character_string4": "007"} {
		if template.Of(s.Parts[0]).Data[key] != want {
			t.Errorf("%s is %q, want %q", key, template.Of(s.Parts[0]).Data[key], want)
		}
	}
	if s.Name != "春季上新" || s.QuotaKeep != 10 {
		t.Errorf("%+v", s)
	}
}

func TestWhatMakesAnotherBroadcast(t *testing.T) {
	hash := func(change string) string {
		old, replacement, _ := strings.Cut(change, " => ")
		s, err := parse("", []byte(strings.Replace(goodSpec, old, replacement, 1)))
		if err != nil {
			t.Fatal(err)
		}
		return s.ContentHash()
	}
	same := hash("")
	for _, change := range []string{"rate: 50 => rate: 20", "rate: 50 => # no rate", "spring-sale => other-name"} {
		if hash(change) != same {
			t.Errorf("%s: another content", change)
		}
	}
	for _, change := range []string{"TPL_ID => TPL", "上新提醒 => 上新", "from=oa => from=x"} {
		if hash(change) == same {
			t.Errorf("%s: the same content", change)
		}
	}
}

func TestBadSpecsAreToldWithTheirLine(t *testing.T) {
	for name, test := range map[string]struct{ change, want string }{
		"empty":   {goodSpec + " => ", "s.yaml: is empty"},
		"no YAML": {"data: { => data: [", "s.yaml:3: is not valid YAML"},
		"a list":  {goodSpec + " => - a\n- b", "s.yaml:1: is not a map of keys and values"},
		"an unknown key": {"rate: 50 => rat: 50",
			"s.yaml:5: rat: is not a key of a spec; did you mean rate?"},
		"an unknown key below": {"pagepath: => path:",
			"s.yaml:4: miniprogram.path: is not a key of a spec; did you mean pagepath?"},
		"a key twice": {"rate: 50 => rate: 50\nrate: 60",
			"s.yaml:6: rate: stands on line 5 already; remove one"},
		"a negative rate": {"rate: 50 => rate: -5",
			`s.yaml:5: rate: "-5" is not a number of messages per second`},
		"a rate that is no number":    {"rate: 50 => rate: fast", `s.yaml:5: rate: "fast" is not a number`},
		"a rate of zero":              {"rate: 50 => rate: 0", `s.yaml:5: rate: "0" is not a number`},
		"a rate that is not a number": {"rate: 50 => rate: .nan", `s.yaml:5: rate: ".nan" is not a number`},
		"no name":                     {"name: spring-sale => ", "s.yaml: name: is missing"},
		"a name with a space":         {"spring-sale => spring sale", `s.yaml:1: name: "spring sale" is no name`},
		"no template":                 {"template: TPL_ID => ", "s.yaml: template: is missing"},
		"no data": {`data: {thing1: "上新提醒", time2: "2026-11-30 10:00"} => `,
			"s.yaml: data: is missing"},
		"data is text": {`data: {thing1: "上新提醒", time2: "2026-11-30 10:00"} => data: text`,
			"s.yaml:3: data: is not a map"},
		"a value that is a list": {`"上新提醒" => [a]`, "s.yaml:3: data.thing1: is not a single value"},
		"a key that is none":     {"thing1: => thing-1:", "s.yaml:3: data.thing-1: is no key of a template"},
		"an unknown variable": {"上新提醒 => {{ .name }}",
			`s.yaml:3: data.thing1: "{{ .name }}" cannot be filled in: there is no variable .name; variables are .openid`},
		"a variable without its dot": {"上新提醒 => {{ openid }}", `s.yaml:3: data.thing1: function "openid" not defined`},
		"braces not closed":          {"上新提醒 => {{ .openid", "s.yaml:3: data.thing1: unclosed action"},
		"braces without quotes": {`"上新提醒" => {{ .openid }}`,
			"s.yaml:3: data.thing1: is not a single value; if it begins with {{, put it in quotes"},
		"a slash before the page": {"pages/sale => /pages/sale",
			"s.yaml:4: miniprogram.pagepath: \"/pages/sale/index?from=oa\" begins with a slash; write pages/sale/index?from=oa"},
		"a negative quota": {"rate: 50 => quota: {keep: -1}",
			`s.yaml:5: quota.keep: "-1" is not a whole number of messages from 0 to 2147483647`},
		"a url that is none": {"rate: 50 => url: example.com",
			`s.yaml:5: url: "example.com" is no web address; it begins with https://`},
	} {
		t.Run(name, func(t *testing.T) {
			old, replacement, _ := strings.Cut(test.change, " => ")
			_, err := parse("s.yaml", []byte(strings.Replace(goodSpec, old, replacement, 1)))
			if got := words(err); err == nil || !strings.HasPrefix(got, test.want) {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestAllMistakesOfASpecAreToldInOrder(t *testing.T) {
	_, err := parse("s.yaml", []byte("rate: -1\nnam: x\ndata: {thing1: \"{{\"}\n"))
	if err == nil || strings.Count(words(err), "\n") != 4 ||
		!strings.HasPrefix(words(err), "s.yaml: name: is missing") {
		t.Errorf("%v", err)
	}
}

func TestASpecIsHeldAgainstTheRealTemplate(t *testing.T) {
	templates := []wechat.Template{
		{ID: "TPL_ID", Title: "上新提醒", Keys: []string{"thing1", "time2"}},
		{ID: "OLD", Title: "旧模板", Keys: []string{"first", "keyword1", "remark"}},
	}
	for name, test := range map[string]struct{ change, want string }{
		"good": {"", ""},
		"an unknown template": {"TPL_ID => NOPE",
			`s.yaml:2: template: the account has no template "NOPE"; it has TPL_ID (上新提醒), OLD (旧模板)`},
		"a key it lacks": {"thing1 => thing9",
			"s.yaml:3: data.thing9: the template 上新提醒 has no such key; its keys are thing1, time2"},
		"a key that is missed": {`, time2: "2026-11-30 10:00" => `,
			"s.yaml:3: data.time2: is missing; the template 上新提醒 asks for thing1, time2"},
		"a value too long": {"上新提醒 => 一二三四五六七八九十一二三四五六七八九十一",
			`s.yaml:3: data.thing1: "一二三四五六七八九十一二三四五六七八九十一" has 21 characters; thing takes at most 20`},
		"known only later": {"上新提醒 => {{ .openid }} {{ .unionid }}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			old, replacement, _ := strings.Cut(test.change, " => ")
			s, err := parse("s.yaml", []byte(strings.Replace(goodSpec, old, replacement, 1)))
			if err != nil {
				t.Fatal(err)
			}
			bad := template.CheckTemplate(s, s.Parts[0], templates)
			if test.want == "" && len(bad) > 0 || test.want != "" && (len(bad) == 0 || words(bad[0]) != test.want) {
				t.Errorf("got  %v\nwant %s", bad, test.want)
			}
		})
	}
}

func TestAMessageIsWrittenForItsRecipient(t *testing.T) {
	s, err := parse("", []byte("name: n\ntemplate: T\ndata: {thing1: \"{{ .remark }}\", time2: \"{{ .followed_at }}\", character_string3: const}\nminiprogram: {pagepath: \"p?o={{ .openid }}&u={{ .unionid }}&m={{ .mini_openid }}\"}\n"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := template.NewMessage(s, s.Parts[0], "wxMP", "key")
	if err != nil {
		t.Fatal(err)
	}
	d := wxcast.Delivery{Follower: wxcast.Follower{OpenID: "O", UnionID: "U", Remark: "老客户",
		SubscribeTime: time.Date(2026, 1, 1, 20, 0, 0, 0, time.UTC)}, MiniOpenID: "M"}
	got, err := m.For(&d)
	if err != nil || got.PagePath != "p?o=O&u=U&m=M" || got.Data["thing1"] != "老客户" ||
		got.Data["time2"] != "2026-01-02 04:00" || got.Data["character_string3"] != "const" {
		t.Errorf("%+v %v", got, err)
	}
	again, _ := m.For(&d)
	if other, _ := m.For(&wxcast.Delivery{Follower: wxcast.Follower{OpenID: "P"}}); got.ClientMsgID != again.ClientMsgID || other.ClientMsgID == got.ClientMsgID || len(got.ClientMsgID) > 32 {
		t.Errorf("%q, %q, %q", got.ClientMsgID, again.ClientMsgID, other.ClientMsgID)
	}
}

func FuzzParseSpec(f *testing.F) {
	f.Add(goodSpec)
	f.Add("name: n\ntemplate: T\ndata:\n  thing1: \"{{ if .remark }}a{{ else }}b{{ end }}\"\n")
	f.Add("name: &a n\ntemplate: *a\ndata: {<<: *a}")
	f.Add("{{")
	// An accepted spec can be written to somebody; a refused one says where.
	f.Fuzz(func(t *testing.T, yaml string) {
		s, err := parse("f.yaml", []byte(yaml))
		if err != nil {
			if !strings.HasPrefix(words(err), "f.yaml") {
				t.Errorf("%v", err)
			}
			return
		}
		m, err := template.NewMessage(s, s.Parts[0], "wxMP", "key")
		if err != nil {
			t.Fatalf("accepted and not compiled: %v", err)
		}
		if s.Name == "" || template.Of(s.Parts[0]).TemplateID == "" || s.Rate < 0 || s.Rate > 100_000 {
			t.Errorf("%+v", s)
		}
		_, _ = m.For(&wxcast.Delivery{})
	})
}
