package yamledit_test

import (
	"testing"
	"unicode/utf8"

	"github.com/wxcast/wxcast/internal/yamledit"
)

const doc = `# what we send
name: spring   # the same name is the same broadcast
template: T1
data:
  thing1: "八折"
  number2: "007"
audience:
  tags: {any: [2, 100]}
`

func TestASingleValueIsChanged(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*yamledit.Doc)
		want   string
	}{
		"nothing": {func(d *yamledit.Doc) { d.SetText("data.number2", "007") }, doc},
		"a text that looks like a number": {func(d *yamledit.Doc) { d.SetText("data.thing1", "12") },
			"# what we send\nname: spring # the same name is the same broadcast\ntemplate: T1\ndata:\n  thing1: \"12\"\n  number2: \"007\"\naudience:\n  tags: {any: [2, 100]}\n"},
		"what was not there": {func(d *yamledit.Doc) { d.Set("quota.keep", "1000") },
			"# what we send\nname: spring # the same name is the same broadcast\ntemplate: T1\ndata:\n  thing1: \"八折\"\n  number2: \"007\"\naudience:\n  tags: {any: [2, 100]}\nquota:\n  keep: 1000\n"},
		"the last of a mapping": {func(d *yamledit.Doc) { d.Delete("audience.tags.any") },
			"# what we send\nname: spring # the same name is the same broadcast\ntemplate: T1\ndata:\n  thing1: \"八折\"\n  number2: \"007\"\n"},
		"a list": {func(d *yamledit.Doc) { d.SetList("audience.tags.any", []string{"7"}) },
			"# what we send\nname: spring # the same name is the same broadcast\ntemplate: T1\ndata:\n  thing1: \"八折\"\n  number2: \"007\"\naudience:\n  tags: {any: [7]}\n"},
		"what becomes an element": {func(d *yamledit.Doc) {
			d.Move("template", "channels.0.template.template")
			d.Move("data", "channels.0.template.data")
		},
			"# what we send\nname: spring # the same name is the same broadcast\naudience:\n  tags: {any: [2, 100]}\nchannels:\n  - template:\n      template: T1\n      data:\n        thing1: \"八折\"\n        number2: \"007\"\n"},
	} {
		d, err := yamledit.Parse(doc)
		if err != nil {
			t.Fatal(err)
		}
		test.change(d)
		if got, _ := d.Text(); normal(got) != normal(test.want) {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, test.want)
		}
	}
}

// normal is a document without what says nothing: how many spaces stand before a comment.
func normal(s string) string {
	d, err := yamledit.Parse(s)
	if err != nil {
		return err.Error()
	}
	text, err := d.Text()
	if err != nil {
		return err.Error()
	}
	return text
}

func TestWhatIsThere(t *testing.T) {
	d, err := yamledit.Parse(doc)
	if err != nil {
		t.Fatal(err)
	}
	if d.Get("data.thing1") != "八折" || d.Get("audience") != "" || d.Get("nothing.here") != "" ||
		len(d.List("audience.tags.any")) != 2 || len(d.Keys("data")) != 2 || !d.IsMapping("data") || d.Has("rate") {
		t.Errorf("%q %q %v", d.Get("data.thing1"), d.Get("audience"), d.List("audience.tags.any"))
	}
	for _, bad := range []string{"- a\n- b\n", "just text", "a: [", "a: b: c"} {
		if _, err := yamledit.Parse(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	if normal("") != "" {
		t.Error("an empty one is not empty")
	}
}

// What is written is read again as it was.
func FuzzSet(f *testing.F) {
	f.Add(doc, "007", "x: y")
	f.Add("a: &x {b: 1}\nc: *x\n", "null", "")
	f.Add("", "- a", "{{ .name }}")
	f.Fuzz(func(t *testing.T, text, one, other string) {
		d, err := yamledit.Parse(text)
		if err != nil {
			return
		}
		d.SetText("wxcast_a.b", one)
		d.SetText("wxcast_c", other)
		d.SetList("wxcast_d", []string{"1", "2"})
		written, err := d.Text()
		if err != nil {
			return
		}
		again, err := yamledit.Parse(written)
		if err != nil {
			return // a text that YAML cannot hold, such as a control character
		}
		if again.Get("wxcast_a.b") != one && printable(one) || len(again.List("wxcast_d")) != 2 {
			t.Errorf("%q became %q in\n%s", one, again.Get("wxcast_a.b"), written)
		}
	})
}

func printable(s string) bool {
	for _, r := range s {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0xfeff || r == 0xfffd || !utf8.ValidString(s) || r > 0x7e &&
			r < 0xa0 ||
			r == 0x2028 || r == 0x2029 {
			return false
		}
	}
	return true
}
