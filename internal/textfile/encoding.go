package textfile

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/transform"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// encoding is how a file writes its characters.
type encoding int

const (
	utf8Text encoding = iota
	utf8BOM
	utf16
	gb18030
)

// look goes through a whole file, and tells its encoding: UTF-8 without one error, or GB18030
// (of which GBK is a part) without one, or none.
func look(raw *bufio.Reader, name string) (encoding, error) {
	head, _ := raw.Peek(len(bom))
	kind := utf8Text
	switch {
	case bytes.HasPrefix(head, []byte(bom)):
		kind = utf8BOM
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		return utf16, nil
	}
	asUTF8 := &utf8Check{}
	var asGB *gbCheck // from the first byte on that is no ASCII
	lines := int64(1)
	buf := make([]byte, Sniffed)
	for {
		n, err := raw.Read(buf)
		if bytes.IndexByte(buf[:n], 0) >= 0 {
			return kind, &wxcast.BadInput{File: name, Problem: wxcast.Say("file.no_text"),
				Want: wxcast.Say("file.want_utf8")}
		}
		_, _ = asUTF8.Write(buf[:n])
		if asGB == nil && !ascii(buf[:n]) {
			asGB = newGBCheck(lines)
			defer asGB.close()
		}
		if asGB != nil {
			_, _ = asGB.Write(buf[:n])
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return kind, Unreadable(name, lines, err)
		}
		lines += int64(bytes.Count(buf[:n], []byte("\n")))
	}
	if asUTF8.end(); asUTF8.bad == 0 {
		return kind, nil
	}
	switch badGB := asGB.end(); {
	case kind == utf8BOM, asUTF8.likely(): // and nonsense in any other
		return kind, noEncoding(name, asUTF8.first, "UTF-8")
	case badGB == 0:
		return gb18030, nil
	default:
		return kind, noEncoding(name, badGB, "GBK")
	}
}

func ascii(p []byte) bool {
	for _, b := range p {
		if b >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func noEncoding(name string, line int64, encoding string) error {
	return &wxcast.BadInput{File: name, Line: int(line), Problem: wxcast.Say("file.bad_character", "encoding", encoding),
		Want: wxcast.Say("file.want_saved_again")}
}

// utf8Check looks for what is not UTF-8.
type utf8Check struct {
	line  int64 // from 0
	first int64 // line of the first error, from 1
	bad   int64 // bytes that are no part of a character
	long  int64 // characters of three bytes and more, as Chinese ones are
	rest  []byte
}

func (u *utf8Check) Write(p []byte) (int, error) {
	n := len(p)
	if len(u.rest) > 0 {
		p = append(u.rest, p...)
	}
	u.rest = nil
	for len(p) > 0 {
		if p[0] < utf8.RuneSelf {
			if p[0] == '\n' {
				u.line++
			}
			p = p[1:]
			continue
		}
		if !utf8.FullRune(p) {
			u.rest = bytes.Clone(p)
			break
		}
		r, size := utf8.DecodeRune(p)
		switch {
		case r == utf8.RuneError && size == 1:
			u.error()
		case size > 2:
			u.long++
		}
		p = p[size:]
	}
	return n, nil
}

func (u *utf8Check) error() {
	if u.bad++; u.first == 0 {
		u.first = u.line + 1
	}
}

func (u *utf8Check) end() {
	if len(u.rest) > 0 {
		u.error()
	}
}

// likely tells whether it is UTF-8 with some damage: in other encodings hardly three bytes
// make a character of it by chance.
func (u *utf8Check) likely() bool { return u.long > u.bad }

// gbCheck looks for what is not GB18030.
type gbCheck struct {
	in    *io.PipeWriter
	first chan int64 // line of the first error, from 1; 0 for none
}

// newGBCheck begins on a line.
func newGBCheck(line int64) *gbCheck {
	out, in := io.Pipe()
	g := &gbCheck{in: in, first: make(chan int64, 1)}
	go func() {
		text := bufio.NewReaderSize(transform.NewReader(out, simplifiedchinese.GB18030.NewDecoder()), Sniffed)
		first := int64(0)
		for {
			r, _, err := text.ReadRune()
			if err != nil {
				break
			}
			switch {
			case r == '\n':
				line++
			case r == utf8.RuneError && first == 0:
				first = line
			}
		}
		g.first <- first
	}()
	return g
}

func (g *gbCheck) Write(p []byte) (int, error) { return g.in.Write(p) }

func (g *gbCheck) end() int64 {
	_ = g.in.Close()
	return <-g.first
}

func (g *gbCheck) close() { _ = g.in.Close() }
