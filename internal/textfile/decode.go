// Package textfile reads the text files that people have: CSV as Excel writes it, in
// whatever encoding, gzipped or not.
package textfile

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"

	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	// Sniffed is how much of a file is read at a time.
	Sniffed = 64 << 10
	// RowMax keeps a quote that is never closed from swallowing the file into memory.
	RowMax = 1 << 20
	// A compressed file may become expandsFree bytes, and so many times its own size more.
	expandsFree, expandsTimes = 16 << 20, 100
)

var (
	// ErrRowTooLong: a row is longer than RowMax.
	ErrRowTooLong = errors.New("row too long")
	// errExpands: a compressed file becomes much more than any list does.
	errExpands = errors.New("the compressed file expands to too much")
)

// Decode undoes compression and encoding (UTF-8 with or without a byte order mark,
// UTF-16, GBK), and refuses what is no text with a *wxcast.BadInput. It goes through all
// of the file first: a list may have thousands of rows before its first Chinese one. What
// cannot be read twice is kept in a file of its own meanwhile. name stands in errors.
func Decode(in io.Reader, name string) (*bufio.Reader, error) {
	file, err := Twice(in)
	if err != nil {
		return nil, &wxcast.BadInput{File: name, Problem: wxcast.Say("file.unreadable", "why", err)}
	}
	raw, err := unpack(file, name)
	if err != nil {
		return nil, err
	}
	kind, err := look(raw, name)
	if err != nil {
		return nil, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, &wxcast.BadInput{File: name, Problem: wxcast.Say("file.unreadable", "why", err)}
	}
	if raw, err = unpack(file, name); err != nil {
		return nil, err
	}
	var text io.Reader = raw
	switch kind {
	case utf8BOM:
		_, _ = raw.Discard(len(bom))
	case utf16:
		text = transform.NewReader(raw, unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder())
	case gb18030:
		text = transform.NewReader(raw, simplifiedchinese.GB18030.NewDecoder())
	case utf8Text:
	}
	return bufio.NewReaderSize(&lineEnds{in: text}, Sniffed), nil
}

// bom is UTF-8's byte order mark.
const bom = "\xef\xbb\xbf"

// Twice makes a source one that can be read again.
func Twice(in io.Reader) (io.ReadSeeker, error) {
	if seeker, ok := in.(io.ReadSeeker); ok {
		if _, err := seeker.Seek(0, io.SeekCurrent); err == nil {
			return seeker, nil
		}
	}
	kept, err := os.CreateTemp("", "wxcast-input-") // 0600
	if err != nil {
		return nil, err
	}
	_ = os.Remove(kept.Name()) // it lives as long as it is open
	if _, err := io.Copy(kept, in); err != nil {
		_ = kept.Close()
		return nil, err
	}
	_, err = kept.Seek(0, io.SeekStart)
	return kept, err
}

// unpack undoes compression.
func unpack(in io.Reader, name string) (*bufio.Reader, error) {
	packed := &counted{in: in}
	raw := bufio.NewReaderSize(packed, Sniffed)
	head, err := raw.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, &wxcast.BadInput{File: name, Problem: wxcast.Say("file.unreadable", "why", err)}
	}
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		unzipped, err := gzip.NewReader(raw)
		if err != nil {
			return nil, &wxcast.BadInput{File: name, Problem: wxcast.Say("file.bad_gzip", "why", err)}
		}
		return bufio.NewReaderSize(&expanding{in: unzipped, packed: packed}, Sniffed), nil
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("\xd0\xcf\x11\xe0")):
		return nil, &wxcast.BadInput{File: name, Problem: wxcast.Say("file.archive"),
			Want: wxcast.Say("file.want_unpacked")}
	}
	return raw, nil
}

// counted counts what is read.
type counted struct {
	in io.Reader
	n  int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.n += int64(n)
	return n, err
}

// expanding fails when a compressed file becomes too much.
type expanding struct {
	in     io.Reader
	packed *counted
	n      int64
}

func (e *expanding) Read(p []byte) (int, error) {
	n, err := e.in.Read(p)
	if e.n += int64(n); e.n > expandsFree+expandsTimes*e.packed.n {
		return n, errExpands
	}
	return n, err
}

// lineEnds turns a carriage return that no line feed follows into one: old programs end
// lines so.
type lineEnds struct {
	in   io.Reader
	held bool // the last byte read was a carriage return
}

func (l *lineEnds) Read(p []byte) (int, error) {
	if len(p) < 2 {
		return 0, io.ErrShortBuffer
	}
	from := 0
	if l.held {
		p[0], from, l.held = '\r', 1, false
	}
	n, err := l.in.Read(p[from:])
	n += from
	if n == 0 || bytes.IndexByte(p[:n], '\r') < 0 {
		return n, err
	}
	for i := range n {
		if p[i] != '\r' {
			continue
		}
		if i+1 == n && err == nil { // what follows is not read yet
			l.held = true
			return n - 1, nil
		}
		if i+1 == n || p[i+1] != '\n' {
			p[i] = '\n'
		}
	}
	return n, err
}

// Unreadable makes a sentence of an error that came while reading.
func Unreadable(name string, line int64, err error) error {
	bad := &wxcast.BadInput{File: name, Line: int(line), Want: wxcast.Say("file.nothing_taken")}
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		bad.Problem = wxcast.Say("file.cut_off")
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader):
		bad.Problem = wxcast.Say("file.damaged")
	case errors.Is(err, errExpands):
		bad.Line, bad.Problem, bad.Want = 0, wxcast.Say("file.expands"), wxcast.Say("file.want_unpacked")
	case errors.Is(err, ErrRowTooLong):
		bad.Problem, bad.Want = wxcast.Say("file.long_row"), wxcast.Say("file.want_quotes")
	default:
		bad.Problem = wxcast.Say("file.unreadable", "why", err)
	}
	return bad
}
