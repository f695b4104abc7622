package bridge

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"iter"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// sniffed is how much of a file is looked at to tell its kind and encoding.
const sniffed = 64 << 10

// ReadFile yields the rows of a CSV or JSON Lines file, in UTF-8 with or without a
// byte order mark, UTF-16, or GBK (which Excel writes in China), gzipped or not;
// which it is, is seen from the file itself. name stands in errors, which are
// *wxcast.BadInput where the file is at fault.
func ReadFile(in io.Reader, name string, columns Columns) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		text, err := decode(in, name)
		if err != nil {
			yield(Row{}, err)
			return
		}
		head, _ := text.Peek(sniffed)
		read := readCSV
		switch head = bytes.TrimLeft(head, " \t\r\n"); {
		case len(head) == 0:
			yield(Row{}, &wxcast.BadInput{File: name, Problem: "is empty", Want: "its first line must name the columns, such as unionid,openid"})
			return
		case head[0] == '[':
			yield(Row{}, &wxcast.BadInput{File: name, Line: 1, Problem: "is one JSON array", Want: "write one object a line (JSON Lines): jq -c '.[]' does it"})
			return
		case head[0] == '{':
			read = readJSONLines
		}
		read(text, name, columns, yield)
	}
}

// decode undoes compression and encoding, and refuses what is no text.
func decode(in io.Reader, name string) (*bufio.Reader, error) {
	raw := bufio.NewReaderSize(in, sniffed)
	head, err := raw.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, &wxcast.BadInput{File: name, Problem: "cannot be read: " + err.Error()}
	}
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		unzipped, err := gzip.NewReader(raw)
		if err != nil {
			return nil, &wxcast.BadInput{File: name, Problem: "is a broken gzip file: " + err.Error()}
		}
		raw = bufio.NewReaderSize(unzipped, sniffed)
		head, _ = raw.Peek(4)
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("\xd0\xcf\x11\xe0")):
		return nil, &wxcast.BadInput{File: name, Problem: "is an Excel workbook or a zip archive", Want: "save it as CSV UTF-8 in Excel, or unpack it"}
	}
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		_, _ = raw.Discard(3)
		return raw, nil
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		decoder := unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder()
		return bufio.NewReaderSize(transform.NewReader(raw, decoder), sniffed), nil
	}
	switch head, _ = raw.Peek(sniffed); {
	case bytes.IndexByte(head, 0) >= 0:
		return nil, &wxcast.BadInput{File: name, Problem: "holds NUL bytes: it is no text, or UTF-16 without a byte order mark", Want: "save it as CSV UTF-8"}
	case !validPrefix(head):
		return bufio.NewReaderSize(transform.NewReader(raw, simplifiedchinese.GB18030.NewDecoder()), sniffed), nil
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

// unreadable makes a sentence of an error that came while reading.
func unreadable(name string, line int64, err error) error {
	bad := &wxcast.BadInput{File: name, Line: int(line), Want: "nothing was imported"}
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		bad.Problem = "the compressed file is cut off"
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader):
		bad.Problem = "the compressed file is damaged"
	case errors.Is(err, errRowTooLong):
		bad.Problem, bad.Want = "a row is longer than 1 MiB: is a quote opened and never closed?", `write "" for a quote inside a quoted field; nothing was imported`
	default:
		bad.Problem = "cannot be read: " + err.Error()
	}
	return bad
}
