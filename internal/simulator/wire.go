package simulator

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// wire writes JSON as WeChat does: no line end behind it, no character as a number, no slash
// escaped. A widespread JavaScript client breaks on the line end at its first token.
func wire(v any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if enc.Encode(v) != nil {
		return nil // what the simulator answers can be encoded
	}
	raw := bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
	if !bytes.Contains(raw, []byte(`\u`)) {
		return raw
	}
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' || i+1 == len(raw) {
			out = append(out, raw[i])
			continue
		}
		if raw[i+1] == 'u' && i+6 <= len(raw) {
			if n, err := strconv.ParseUint(string(raw[i+2:i+6]), 16, 16); err == nil {
				out = utf8.AppendRune(out, rune(n))
				i += 5
				continue
			}
		}
		out = append(out, raw[i], raw[i+1])
		i++
	}
	return out
}

// rawRemark stands for the remark of a follower that is written as RawRemarks has it.
func rawRemark(openid string) string { return "@raw:" + openid + "@" }
