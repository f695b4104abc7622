package console

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/wxcast"
	"github.com/wxcast/wxcast/internal/yamledit"
)

// A draft's form is a view of its YAML: each field is a value in it, by its path. What the form
// knows nothing of stays as it was written.

// kind is what a field's value is in the YAML.
type kind int

const (
	asText   kind = iota // a text, whatever it looks like
	asValue              // a number, a time, a word
	asList               // of numbers or names, parted by commas
	asSwitch             // yes, or not there
)

// fields of the steps after the content, by their paths.
var fields = map[string]map[string]kind{
	"audience": {
		"audience.bridged": asValue, "audience.tags.any": asList, "audience.tags.all": asList,
		"audience.tags.none": asList, "audience.scenes": asList, "audience.followed_after": asValue,
		"audience.followed_before": asValue, "audience.in": asValue, "audience.not_in": asList,
		"audience.exclude_broadcasts": asList, "audience.not_messaged": asValue, "audience.sample": asValue,
		"audience.limit": asValue,
	},
	"sending": {
		"rate": asValue, "priority": asValue, "quota.keep": asValue, "canary.share": asValue, "canary.wait": asValue,
		"canary.max_failed": asValue, "not_after": asValue, "quiet_hours": asValue, "frequency_cap.day": asValue,
		"frequency_cap.week": asValue, "track": asSwitch, "holdout": asValue, "on_bad_value": asValue,
		"on_unknown": asValue,
	},
}

// written are the values that hold where nothing is written, by their paths.
var written = map[string]string{"audience.bridged": "yes", "on_bad_value": "stop", "track": "no"}

// channelKeys are what the form asks for of each channel, beside the values of its template.
var channelKeys = map[string][]string{
	"template":  {"url", "miniprogram.pagepath"},
	"subscribe": {"page"},
	"notice":    {"page", "miniprogram.pagepath"},
	"service":   {"title", "pagepath", "image", "text"},
}

// steps of making a broadcast, in their order.
var steps = []string{"content", "audience", "sending", "check", "yaml"}

// partForm is what is said by one channel.
type partForm struct {
	N         int
	Channel   string
	At        string // the path below which its keys stand; "" for the spec itself
	Template  string // the id
	Templates []account.Template
	Fields    []fieldForm
	Keys      []fieldForm
	Card      cardView
}

// fieldForm is one value of a channel.
type fieldForm struct {
	Path, Key, Label, Value string
	Most, Length            int
	Allowed                 []string
}

// cardView is a message as the phone shows it.
type cardView struct {
	Title string
	Lines []cardLine
	Text  string // of a text without fields
	Opens string
}

type cardLine struct{ Label, Fits, Cut string }

// parts are the channels that a document names, in their order.
func parts(d *yamledit.Doc) (all []partForm) {
	for i := range d.Len("channels") {
		for _, channel := range d.Keys(fmt.Sprintf("channels.%d", i)) {
			all = append(all, partForm{N: i, Channel: channel, At: fmt.Sprintf("channels.%d.%s", i, channel)})
			break // an element has one channel
		}
	}
	if len(all) == 0 {
		all = []partForm{{Channel: "template"}}
	}
	return all
}

func (p partForm) path(key string) string {
	if p.At == "" {
		return key
	}
	return p.At + "." + key
}

// fill reads a part's values from the document.
func (p *partForm) fill(d *yamledit.Doc, templates []account.Template) {
	p.Template = d.Get(p.path("template"))
	var chosen account.Template
	for _, t := range templates {
		if t.Channel == p.Channel {
			p.Templates = append(p.Templates, t)
			if t.ID == p.Template {
				chosen = t
			}
		}
	}
	known := map[string]bool{}
	for _, f := range chosen.Fields {
		known[f.Key] = true
		p.Fields = append(p.Fields, fieldForm{Path: p.path("data." + f.Key), Key: f.Key, Label: f.Label, Most: f.Most,
			Allowed: f.Allowed, Value: valueAt(d, p.path("data."+f.Key))})
	}
	for _, key := range d.Keys(p.path("data")) { // of a template that WeChat does not know, or not any more
		if !known[key] {
			p.Fields = append(p.Fields, fieldForm{Path: p.path("data." + key), Key: key, Label: key,
				Value: valueAt(d, p.path("data."+key))})
		}
	}
	for i, f := range p.Fields {
		p.Fields[i].Length = utf8.RuneCountInString(f.Value)
	}
	for _, key := range channelKeys[p.Channel] {
		p.Keys = append(p.Keys, fieldForm{Path: p.path(key), Key: key, Value: d.Get(p.path(key))})
	}
	p.Card = card(*p, chosen.Title)
}

// valueAt is a template's value: the text itself, or a mapping with it.
func valueAt(d *yamledit.Doc, path string) string {
	if d.IsMapping(path) {
		return d.Get(path + ".value")
	}
	return d.Get(path)
}

// card shows a part as the phone does: what is too long is cut there, and marked here.
func card(p partForm, title string) cardView {
	c := cardView{Title: title}
	for _, f := range p.Fields {
		line := cardLine{Label: f.Label, Fits: f.Value}
		if line.Label == "" {
			line.Label = f.Key
		}
		if f.Most > 0 && f.Length > f.Most && !strings.Contains(f.Value, "{{") {
			runes := []rune(f.Value)
			line.Fits, line.Cut = string(runes[:f.Most]), string(runes[f.Most:])
		}
		c.Lines = append(c.Lines, line)
	}
	for _, k := range p.Keys {
		switch k.Key {
		case "title":
			c.Title = k.Value
		case "text":
			c.Text = k.Value
		case "page", "pagepath", "miniprogram.pagepath":
			if k.Value != "" {
				c.Opens = k.Value
			}
		case "url":
			if c.Opens == "" {
				c.Opens = k.Value
			}
		}
	}
	return c
}

// apply writes what a form sent into the document.
func apply(d *yamledit.Doc, step string, form url.Values) {
	if step == "content" {
		applyContent(d, form)
		return
	}
	for path, kind := range fields[step] {
		values, sent := form[path]
		if !sent && kind != asSwitch {
			continue
		}
		text := strings.TrimSpace(strings.Join(values, ","))
		at := path
		if d.IsMapping(path) && d.Has(path+".file") { // a list that says by which id
			at += ".file"
		}
		if text == "" && d.Has(at) && d.Get(at) == written[path] {
			continue // somebody has written down what holds anyway
		}
		switch kind {
		case asText:
			d.SetText(at, text)
		case asValue:
			d.Set(at, text)
		case asList:
			if all := split(text); !slices.Equal(all, d.List(at)) {
				d.SetList(at, all)
			}
		case asSwitch:
			if !sent && d.Has(at) {
				d.Delete(at)
			} else if sent && d.Get(at) != "yes" && d.Get(at) != "true" {
				d.Set(at, "yes")
			}
		}
	}
}

func split(text string) (all []string) {
	for _, one := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == '，' || r == '\n' }) {
		if one = strings.TrimSpace(one); one != "" {
			all = append(all, one)
		}
	}
	return all
}

func applyContent(d *yamledit.Doc, form url.Values) {
	d.Set("name", strings.TrimSpace(form.Get("name")))
	if form.Has("prefer") {
		d.Set("prefer", form.Get("prefer"))
	}
	for _, p := range parts(d) {
		prefix, other := fmt.Sprintf("p%d.", p.N), false
		if id := prefix + "template"; form.Has(id) {
			if form.Get(id) != d.Get(p.path("template")) {
				d.Delete(p.path("data")) // of the template before
				other = true
			}
			d.SetText(p.path("template"), form.Get(id))
		}
		for name, values := range form {
			key, ours := strings.CutPrefix(name, prefix)
			data, isData := strings.CutPrefix(key, "data.")
			if !ours || key == "template" || isData && other || strings.Contains(data, ".") ||
				!isData && !slices.Contains(channelKeys[p.Channel], key) {
				continue
			}
			at := p.path(key)
			if isData && d.IsMapping(at) {
				at += ".value"
			}
			d.SetText(at, values[0])
		}
	}
	switch add := form.Get("add"); {
	case form.Get("drop") != "":
		for _, p := range parts(d) {
			if fmt.Sprint(p.N) == form.Get("drop") && p.At != "" {
				d.Delete(fmt.Sprintf("channels.%d", p.N))
				return
			}
		}
	case channelKeys[add] != nil:
		addChannel(d, add)
	}
}

// addChannel adds a channel behind those that there are; the flat form becomes a list first.
func addChannel(d *yamledit.Doc, channel string) {
	if d.Len("channels") == 0 {
		d.SetText("channels.0.template.template", "-") // makes the element
		for _, key := range []string{"template", "data", "url", "miniprogram"} {
			if d.Has(key) {
				d.Move(key, "channels.0.template."+key)
			}
		}
	}
	at := fmt.Sprintf("channels.%d.%s", d.Len("channels"), channel)
	if channel == "service" {
		d.SetText(at+".title", "…")
	} else {
		d.SetText(at+".template", "…")
	}
}

// draftTitle is what a draft is called: its name, or how it begins.
func draftTitle(d wxcast.Draft) string {
	if doc, err := yamledit.Parse(d.Spec); err == nil && doc.Get("name") != "" {
		return doc.Get("name")
	}
	return fmt.Sprint("#", d.ID)
}
