package bridge

import (
	"bytes"
	"io"
	"iter"

	"github.com/wxcast/wxcast/internal/textfile"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// ReadFile yields the rows of a CSV or JSON Lines file, in UTF-8 with or without a
// byte order mark, UTF-16, or GBK (which Excel writes in China), gzipped or not;
// which it is, is seen from the file itself. name stands in errors, which are
// *wxcast.BadInput where the file is at fault.
func ReadFile(in io.Reader, name string, columns Columns) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		text, err := textfile.Decode(in, name)
		if err != nil {
			yield(Row{}, err)
			return
		}
		head, _ := text.Peek(textfile.Sniffed)
		read := readCSV
		switch head = bytes.TrimLeft(head, " \t\r\n"); {
		case len(head) == 0:
			yield(Row{}, &wxcast.BadInput{File: name, Problem: wxcast.Say("file.empty"),
				Want: wxcast.Say("import.want_header")})
			return
		case head[0] == '[':
			yield(Row{}, &wxcast.BadInput{File: name, Line: 1, Problem: wxcast.Say("import.json_array"),
				Want: wxcast.Say("import.want_json_lines")})
			return
		case head[0] == '{':
			read = readJSONLines
		}
		read(text, name, columns, yield)
	}
}
