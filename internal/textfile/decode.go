// Package textfile reads the text files that people have: CSV as Excel writes it, in
// whatever encoding, gzipped or not.
package textfile

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	// Sniffed is how much of a file is looked at to tell its kind and encoding.
	Sniffed = 64 << 10
	// RowMax keeps a quote that is never closed from swallowing the file into memory.
	RowMax = 1 << 20
)

// ErrRowTooLong: a row is longer than RowMax.
var ErrRowTooLong = errors.New("row too long")

// Decode undoes compression and encoding (UTF-8 with or without a byte order mark,
// UTF-16, GBK), seen from the file itself, and refuses what is no text with a
// *wxcast.BadInput. name stands in errors.
func Decode(in io.Reader, name string) (*bufio.Reader, error) {
	raw := bufio.NewReaderSize(in, Sniffed)
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
		raw = bufio.NewReaderSize(unzipped, Sniffed)
		head, _ = raw.Peek(4)
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("\xd0\xcf\x11\xe0")):
		return nil, &wxcast.BadInput{File: name, Problem: wxcast.Say("file.archive"),
			Want: wxcast.Say("file.want_unpacked")}
	}
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		_, _ = raw.Discard(3)
		return raw, nil
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		decoder := unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder()
		return bufio.NewReaderSize(transform.NewReader(raw, decoder), Sniffed), nil
	}
	switch head, _ = raw.Peek(Sniffed); {
	case bytes.IndexByte(head, 0) >= 0:
		return nil, &wxcast.BadInput{File: name, Problem: wxcast.Say("file.no_text"),
			Want: wxcast.Say("file.want_utf8")}
	case !validPrefix(head):
		return bufio.NewReaderSize(transform.NewReader(raw, simplifiedchinese.GB18030.NewDecoder()), Sniffed), nil
	}
	return raw, nil
}

// validPrefix tells whether text is UTF-8, but for a character cut off at its end.
func validPrefix(text []byte) bool {
	for cut := range min(utf8.UTFMax, len(text)+1) {
		if utf8.Valid(text[:len(text)-cut]) {
			return true
		}
	}
	return false
}

// Unreadable makes a sentence of an error that came while reading.
func Unreadable(name string, line int64, err error) error {
	bad := &wxcast.BadInput{File: name, Line: int(line), Want: wxcast.Say("file.nothing_taken")}
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		bad.Problem = wxcast.Say("file.cut_off")
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader):
		bad.Problem = wxcast.Say("file.damaged")
	case errors.Is(err, ErrRowTooLong):
		bad.Problem, bad.Want = wxcast.Say("file.long_row"), wxcast.Say("file.want_quotes")
	default:
		bad.Problem = wxcast.Say("file.unreadable", "why", err)
	}
	return bad
}
