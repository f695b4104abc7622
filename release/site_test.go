package main

import (
	"encoding/json"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// The site is built of the pages as they lie in the repository: every link in it leads to a page,
// and to a heading, that is there; nothing is fetched from elsewhere; each page is found.
func TestTheSite(t *testing.T) {
	if _, err := exec.LookPath("hugo"); err != nil {
		left(t, "hugo is not here")
	}
	out := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "hugo", "--destination", out, "--panicOnWarning")
	cmd.Dir = "../site"
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	pages := map[string]page{}
	err := filepath.WalkDir(out, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".html" {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		root, err := html.Parse(f)
		if err != nil {
			return err
		}
		p := page{ids: map[string]bool{}}
		p.read(root)
		rel, err := filepath.Rel(out, path)
		pages[rel] = p
		return err
	})
	if err != nil || len(pages) < 55 {
		t.Fatalf("%d pages: %v", len(pages), err)
	}
	for name, p := range pages {
		if name == filepath.Join("en", "index.html") { // leads to the first page
			continue
		}
		if p.title == "" || p.headings == 0 {
			t.Errorf("%s has no title", name)
		}
		for _, to := range p.links {
			u, err := url.Parse(to)
			if err != nil {
				t.Errorf("%s: %s: %v", name, to, err)
				continue
			}
			if u.IsAbs() {
				if rest, ok := strings.CutPrefix(to, "https://github.com/wxcast/wxcast/blob/main/"); ok {
					if _, err := os.Stat(filepath.Join("..", filepath.FromSlash(strings.TrimSuffix(rest, "/")))); err != nil {
						t.Errorf("%s: %s is not in the repository", name, rest)
					}
				}
				continue
			}
			target := name
			if u.Path != "" {
				target = filepath.Join(filepath.Dir(name), filepath.FromSlash(u.Path))
				if info, err := os.Stat(filepath.Join(out, target)); err == nil && info.IsDir() {
					target = filepath.Join(target, "index.html")
				}
			}
			if _, err := os.Stat(filepath.Join(out, target)); err != nil {
				t.Errorf("%s: %s leads nowhere", name, to)
			} else if other, ok := pages[target]; ok && u.Fragment != "" && !other.ids[u.Fragment] {
				t.Errorf("%s: %s leads to no heading", name, to)
			}
		}
		for _, from := range p.loads {
			if u, err := url.Parse(from); err != nil || u.IsAbs() || u.Host != "" {
				t.Errorf("%s loads %s", name, from)
			} else if _, err := os.Stat(filepath.Join(out, filepath.Dir(name), filepath.FromSlash(u.Path))); err != nil {
				t.Errorf("%s loads %s, which is not there", name, from)
			}
		}
	}
	for _, index := range []string{"index.json", "zh/index.json"} {
		raw, err := os.ReadFile(filepath.Join(out, index))
		if err != nil {
			t.Fatal(err)
		}
		var all []struct{ Title, Href, Text string }
		if err := json.Unmarshal(raw, &all); err != nil || len(all) < 20 {
			t.Fatalf("%s: %d pages, %v", index, len(all), err)
		}
		for _, one := range all {
			if one.Title == "" || len(one.Text) < 100 {
				t.Errorf("%s: %+.80v cannot be found", index, one)
			}
		}
	}
}

// page is what a page of the site has.
type page struct {
	title        string
	headings     int
	ids          map[string]bool
	links, loads []string
}

func (p *page) read(n *html.Node) {
	attribute := map[string]string{}
	for _, a := range n.Attr {
		attribute[a.Key] = a.Val
	}
	if id := attribute["id"]; id != "" {
		p.ids[id] = true
	}
	if n.Type == html.ElementNode {
		switch n.Data {
		case "title":
			if n.FirstChild != nil {
				p.title = n.FirstChild.Data
			}
		case "h1":
			p.headings++
		case "a":
			p.links = append(p.links, attribute["href"])
		case "script", "img":
			p.loads = append(p.loads, attribute["src"])
		case "link":
			if attribute["rel"] == "stylesheet" {
				p.loads = append(p.loads, attribute["href"])
			}
		}
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		p.read(c)
	}
}
