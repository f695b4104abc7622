package text

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var place = regexp.MustCompile(`\{\{.*?\}\}|\{(\w+)(?::\w+)?\}`)

// placesOf are what fills in a sentence.
func placesOf(words string) (names []string) {
	for _, m := range place.FindAllStringSubmatch(words, -1) {
		if m[1] != "" && !slices.Contains(names, m[1]) {
			names = append(names, m[1])
		}
	}
	slices.Sort(names)
	return names
}

// Each sentence has words in both languages, filled in by the same.
func TestEachSentenceHasBothLanguages(t *testing.T) {
	for code, w := range catalog {
		if w.EN == "" || w.ZH == "" {
			t.Errorf("%s has no words in one language: %q, %q", code, w.EN, w.ZH)
		}
		if en, zh := placesOf(w.EN), placesOf(w.ZH); !slices.Equal(en, zh) {
			t.Errorf("%s is filled in by %v in English and by %v in Chinese", code, en, zh)
		}
		if base, door, ok := strings.Cut(code, "/"); ok {
			if _, known := catalog[base]; !known || !slices.Contains([]string{"cli", "api", "console"}, door) {
				t.Errorf("%s is a hint for a door, but there is no such sentence or door", code)
			}
		}
	}
}

// sayers are the functions that take a code, by the place of the code among their arguments.
var sayers = map[string]int{"Say": 0, "NewError": 0, "T": 0, "say": 0, "line": 1, "notFound": 0, "conflict": 0, "ok": 1}

// prefixes are what functions put before the codes that they take.
var prefixes = map[string]string{"heads": "col."}

// Each code in the program's source has words, and gets what fills them in.
func TestEachCodeInTheSourceHasWords(t *testing.T) {
	found := 0
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if before, ok := prefixes[calledName(call)]; ok {
				for _, arg := range call.Args {
					if code, ok := literal(arg); ok && catalog[before+code].EN == "" {
						t.Errorf("%s: internal/text has no words for %q: add both languages",
							fset.Position(call.Pos()), before+code)
					}
				}
			}
			at, ok := sayers[calledName(call)]
			if !ok || len(call.Args) <= at {
				return true
			}
			code, ok := literal(call.Args[at])
			if !ok || !strings.Contains(code, ".") || strings.ContainsAny(code, " %") {
				return true
			}
			found++
			w, known := catalog[code]
			if !known {
				t.Errorf("%s: internal/text has no words for %q: add both languages", fset.Position(call.Pos()), code)
				return true
			}
			if call.Ellipsis.IsValid() {
				return true
			}
			given := []string{}
			for i := at + 1; i < len(call.Args); i += 2 {
				if name, ok := literal(call.Args[i]); ok {
					given = append(given, name)
				}
			}
			for _, name := range placesOf(w.EN) {
				if !slices.Contains(given, name) {
					t.Errorf("%s: %q is said without {%s}", fset.Position(call.Pos()), code, name)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 200 {
		t.Errorf("only %d codes were found in the source: has a sayer another name now?", found)
	}
}

func calledName(call *ast.CallExpr) string {
	switch fun := call.Fun.(type) {
	case *ast.Ident:
		return fun.Name
	case *ast.SelectorExpr:
		return fun.Sel.Name
	}
	return ""
}

func literal(e ast.Expr) (string, bool) {
	l, ok := e.(*ast.BasicLit)
	if !ok || l.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(l.Value)
	return s, err == nil
}
