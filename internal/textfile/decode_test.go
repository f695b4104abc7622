package textfile_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/textfile"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// The encoding is that of the whole file: the first Chinese character may come late, and one
// that is damaged is told with its line, not guessed around.
func TestTheEncodingIsThatOfTheWholeFile(t *testing.T) {
	gbk := func(s string) string {
		out, err := simplifiedchinese.GB18030.NewEncoder().String(s)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	ascii := strings.Repeat("oAAAAAAAAAAAAAAAAAAAAAAAAAAA,x\n", 3000)
	long := ascii + "oB,优惠券\n"
	names := strings.Repeat("oB,张三丰\n", 1000)
	for name, test := range map[string]struct{ in, out, problem string }{
		"ASCII":                     {ascii, ascii, ""},
		"UTF-8":                     {long, long, ""},
		"UTF-8 with a mark":         {"\xef\xbb\xbf" + long, long, ""},
		"GBK after 3,000 rows":      {gbk(long), long, ""},
		"GB18030 of four bytes":     {gbk("oB,㐀\n"), "oB,㐀\n", ""},
		"UTF-8 with a damaged byte": {names + "oC,\xff\n" + names, "", "list.csv:1001"},
		"UTF-8 cut in a character":  {names + "oC,\xe5\xbc", "", "list.csv:1001"},
		"even UTF-8, damaged":       {strings.Repeat("张三\n", 50) + "\xe5\xbc\n", "", "list.csv:51"},
		"GBK with a damaged byte":   {gbk(names) + "oC,\xff\n" + gbk(names), "", "list.csv:1001"},
		"a marked file, damaged":    {"\xef\xbb\xbfa\nb\xffc", "", "list.csv:2"},
		"carriage returns":          {"a\rb\r\rc\r\n", "a\nb\n\nc\r\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			for how, in := range map[string]io.Reader{"a file": strings.NewReader(test.in),
				"a pipe": iotest.HalfReader(struct{ io.Reader }{strings.NewReader(test.in)})} {
				r, err := textfile.Decode(in, "list.csv")
				if test.problem != "" {
					var bad *wxcast.BadInput
					if !errors.As(err, &bad) || !strings.HasPrefix(text.English.Error(err, text.NoDoor, nil), test.problem) {
						t.Errorf("%s: %v, want %s", how, err, test.problem)
					}
					continue
				}
				if err != nil {
					t.Errorf("%s: %v", how, err)
					continue
				}
				out, err := io.ReadAll(r)
				if err != nil || string(out) != test.out {
					t.Errorf("%s: %d characters, want %d (%v)", how, len(out), len(test.out), err)
				}
			}
		})
	}
}

// A small file that becomes a large one is refused before it is taken in.
func TestAFileThatExpandsWithoutEndIsRefused(t *testing.T) {
	var one bytes.Buffer
	w := gzip.NewWriter(&one)
	if _, err := w.Write(bytes.Repeat([]byte("u,o\n"), 1<<18)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	packed := bytes.NewBuffer(bytes.Repeat(one.Bytes(), 200)) // gzip takes one after the other
	size := packed.Len()
	_, err := textfile.Decode(packed, "bomb.gz")
	if err == nil || !strings.Contains(text.English.Error(err, text.NoDoor, nil), "expands") {
		t.Errorf("200 MiB of %d: %v", size, err)
	}
}
