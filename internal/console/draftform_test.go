package console

import (
	"net/url"
	"testing"

	"github.com/wxcast/wxcast/internal/yamledit"
)

func TestAFormIsAViewOfTheYAML(t *testing.T) {
	const two = "name: x\nchannels:\n  - template: {template: T1, data: {thing1: a}}\n  - service: {title: t}\n"
	for name, test := range map[string]struct {
		spec, step, form, want string
	}{
		"a value": {"name: x\ntemplate: T1\ndata: {thing1: a}\n", "content",
			"name=x&p0.template=T1&p0.data.thing1=b", "name: x\ntemplate: T1\ndata: {thing1: b}\n"},
		"a value with a colour": {"template: T1\ndata: {thing1: {value: a, color: \"#f00\"}}\n", "content",
			"p0.template=T1&p0.data.thing1=b", "template: T1\ndata: {thing1: {value: b, color: \"#f00\"}}\n"},
		"another template": {"template: T1\ndata: {thing1: a}\nrate: 5\n", "content",
			"p0.template=T2&p0.data.thing1=a", "template: T2\nrate: 5\n"},
		"what holds anyway": {"audience: {bridged: yes}\n", "audience", "audience.bridged=&audience.limit=",
			"audience: {bridged: yes}\n"},
		"a list that says by which": {"audience: {in: {file: a.csv, by: unionid}}\n", "audience",
			"audience.in=b.csv", "audience: {in: {file: b.csv, by: unionid}}\n"},
		"a value that is taken away": {"audience: {limit: 5}\nrate: 5\n", "audience", "audience.limit=", "rate: 5\n"},
		"what another step asks for": {"rate: 5\n", "audience", "rate=9", "rate: 5\n"},
		"a key that no form has":     {"name: x\n", "content", "name=x&p0.account=evil&p0.data.a.b=1", "name: x\n"},
		"a channel less": {two, "content", "name=x&drop=0&add=subscribe",
			"name: x\nchannels:\n  - service: {title: t}\n"},
		"a channel more, of the flat": {"name: x\ntemplate: T1\ndata: {thing1: a}\n", "content", "name=x&add=service",
			"name: x\nchannels:\n  - template:\n      template: T1\n      data: {thing1: a}\n  - service:\n      title: …\n"},
		"odd YAML": {"audience: [1]\n", "audience", "audience.limit=7", "audience:\n  limit: 7\n"},
	} {
		doc, err := yamledit.Parse(test.spec)
		if err != nil {
			t.Fatal(err)
		}
		form, err := url.ParseQuery(test.form)
		if err != nil {
			t.Fatal(err)
		}
		apply(doc, test.step, form)
		got, err := doc.Text()
		if err != nil || normal(t, got) != normal(t, test.want) {
			t.Errorf("%s (%v):\n%s\nwant\n%s", name, err, got, test.want)
		}
	}
}

func normal(t *testing.T, text string) string {
	d, err := yamledit.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	out, err := d.Text()
	if err != nil {
		t.Fatal(err)
	}
	return out
}
