package console

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
)

//go:embed pages
var pageFiles embed.FS

// pages are the templates, one set for each page: the frame, the parts, and the page.
type pages map[string]*template.Template

// readPages are those, read once in a program: many serve in one where time is simulated.
var readPages = sync.OnceValue(newPages)

func newPages() pages {
	funcs := template.FuncMap{
		"dict": dict,
		"str":  toString,
		"join": strings.Join,
	}
	base := template.Must(template.New("").Funcs(funcs).ParseFS(pageFiles, "pages/parts/*.html"))
	names, err := fs.Glob(pageFiles, "pages/*.html")
	if err != nil {
		panic(err) // the pattern is ours
	}
	all := pages{}
	for _, name := range names {
		of := template.Must(template.Must(base.Clone()).ParseFS(pageFiles, name))
		all[strings.TrimSuffix(path.Base(name), ".html")] = of
	}
	return all
}

// dict gives a part of a page several values, by name.
func dict(pairs ...any) map[string]any {
	all := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		all[pairs[i].(string)] = pairs[i+1]
	}
	return all
}

func toString(v any) string { return fmt.Sprint(v) }

// view is what a page is written with.
type view struct {
	*call
	Data any
}

// show writes a page.
func (c *call) show(page string, data any) error { return c.write(http.StatusOK, page, "frame", data) }

// part writes a part of a page, for one that is open.
func (c *call) part(page, part string, data any) error {
	return c.write(http.StatusOK, page, part, data)
}

func (c *call) write(status int, page, part string, data any) error {
	if c.Mistake != "" && status == http.StatusOK {
		status = http.StatusUnprocessableEntity
	}
	// All of it before the first byte: a page that fails is an error, and not half of one.
	var b bytes.Buffer
	if err := c.con.pages[page].ExecuteTemplate(&b, part, view{c, data}); err != nil {
		return fmt.Errorf("write page %s: %w", page, err)
	}
	c.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	c.w.WriteHeader(status)
	_, _ = c.w.Write(b.Bytes()) // the browser may be gone
	return nil
}
