package template_test

import (
	"strings"
	"testing"
	"time"

	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/broadcast/template"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// written is what one person gets by a spec with these lines.
func written(t *testing.T, lines string, d *wxcast.Delivery) (url, pagePath, thing string, err error) {
	t.Helper()
	s, err := spec.Parse("spec.yaml", []byte("name: n\ntemplate: T\n"+lines), template.Form{})
	if err != nil {
		return "", "", "", err
	}
	m, err := template.NewMessage(s, s.Parts[0], "wxmini", "key")
	if err != nil {
		return "", "", "", err
	}
	out, err := m.For(d)
	if out.MiniAppID == "" {
		out.PagePath = "no mini program"
	}
	return out.URL, out.PagePath, out.Data["thing1"], err
}

// A stranger's spec comes through the API: what it holds does no harm, however small it is.
func TestASpecCanDoNoHarm(t *testing.T) {
	for _, value := range []string{
		`{{range 99999999999}}x{{end}}`, `{{range .}}x{{end}}`, `{{define "a"}}{{template "a"}}{{end}}{{template "a"}}`,
		`{{block "a" .}}x{{end}}`, `{{printf "%999999999d" 1}}`, `{{with .openid}}{{.}}{{end}}`, `{{ . }}`,
		`{{$x := .openid}}{{$x}}`, `{{call .openid}}`, `{{html .openid}}`, `{{print .}}`, `{{ len . }}`,
		`{{if true}}{{range 9}}x{{end}}{{end}}`, `{{if (printf "%9d" 1)}}{{end}}`, `{{ js .openid }}`,
		`{{ break }}`, `{{ wxcast_encode .openid }}`, strings.Repeat("{{ .openid }}", 2000),
	} {
		begun := time.Now()
		_, _, _, err := written(t, "data:\n  thing1: '"+value+"'\n", &wxcast.Delivery{})
		if err == nil {
			t.Errorf("%.60s is taken", value)
		}
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("%.60s took %v", value, took)
		}
	}
	large := "data:\n  thing1: x\n#" + strings.Repeat("x", spec.SizeMax)
	if _, _, _, err := written(t, large, &wxcast.Delivery{}); err == nil ||
		!strings.Contains(text.English.Error(err, text.NoDoor, nil), "256 KiB") {
		t.Errorf("a spec of more than 256 KiB: %v", err)
	}
	// A long value does not grow without end.
	d := &wxcast.Delivery{Vars: map[string]string{"x": strings.Repeat("x", 60_000)}}
	if _, _, _, err := written(t, "data: {thing1: '{{ .x | default .x }}{{ .x | default .x }}'}\naudience: {in: l.csv}\n",
		d); err == nil {
		t.Error("120,000 characters came out")
	}
}

func TestLinksAreFilledInRight(t *testing.T) {
	d := &wxcast.Delivery{Follower: wxcast.Follower{OpenID: "oA", Remark: "满100&减20#A 1"},
		Vars: map[string]string{"page": "pages/a?x=1", "query": "a=1&b=2", "evil": "https://evil.example/", "blank": "a b"}}
	const list = "audience: {in: l.csv}\n"
	for name, test := range map[string]struct{ lines, url, pagePath, problem string }{
		"a value in a query is one value": {lines: "miniprogram: {pagepath: 'pages/g?n={{ .remark }}&id={{ .openid }}'}",
			pagePath: "pages/g?n=%E6%BB%A1100%26%E5%87%8F20%23A%201&id=oA"},
		"also after a helper": {lines: "miniprogram: {pagepath: 'pages/g?n={{ .remark | truncate 5 }}'}",
			pagePath: "pages/g?n=%E6%BB%A1100%E2%80%A6"},
		"a query as it stands": {lines: list + "miniprogram: {pagepath: 'pages/g?{{ raw .query }}'}",
			pagePath: "pages/g?a=1&b=2"},
		"piped":                     {lines: list + "miniprogram: {pagepath: 'pages/g?{{ .query | raw }}'}", pagePath: "pages/g?a=1&b=2"},
		"a page of the list":        {lines: list + "miniprogram: {pagepath: '{{ .page }}'}", pagePath: "pages/a?x=1"},
		"a page that is an address": {lines: list + "miniprogram: {pagepath: '{{ .evil }}'}", problem: "is an address"},
		"a page with a blank":       {lines: list + "miniprogram: {pagepath: 'pages/{{ .blank }}'}", problem: "holds a blank"},
		"an address for a page":     {lines: "miniprogram: {pagepath: 'https://example.com/'}", problem: "is an address"},
		"a slash before a page":     {lines: "miniprogram: {pagepath: '/pages/a'}", problem: "pages/a"},
		"a url with variables": {lines: "url: 'https://example.com/?from={{ .openid }}'",
			url: "https://example.com/?from=oA", pagePath: ""},
		"a url alone": {lines: "url: 'https://example.com/'\nminiprogram: none", url: "https://example.com/",
			pagePath: "no mini program"},
		"neither":              {lines: "miniprogram: none", problem: "opens neither"},
		"no address":           {lines: "url: ftp://example.com/", problem: "is no web address"},
		"a variable in a name": {lines: "miniprogram: {appid: 'wx{{ .openid }}'}", problem: "the same for everybody"},
		"in a condition": {lines: "miniprogram: {pagepath: 'pages/g{{ if .remark }}?n={{ .remark | truncate 2 }}{{ end }}'}",
			pagePath: "pages/g?n=%E6%BB%A1%E2%80%A6"},
	} {
		t.Run(name, func(t *testing.T) {
			url, pagePath, _, err := written(t, "data: {thing1: x}\n"+test.lines+"\n", d)
			if test.problem != "" {
				if err == nil || !strings.Contains(text.English.Error(err, text.NoDoor, nil), test.problem) {
					t.Errorf("%q %q %v, want %q", url, pagePath, err, test.problem)
				}
				return
			}
			if err != nil || url != test.url || pagePath != test.pagePath {
				t.Errorf("%q and %q (%v), want %q and %q", url, pagePath, err, test.url, test.pagePath)
			}
		})
	}
}
