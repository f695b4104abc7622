package wxcast

import (
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Sentence is something that a person is to read, without its words: a code, and what
// fills the words in. internal/text has the words of each code in every language, and a
// door says them in its reader's. A Sentence can be stored as JSON and said later. The
// zero Sentence says nothing.
type Sentence struct {
	Code string
	Args []Arg
}

// Arg fills in one place of a sentence. Value is a text, a number, a bool, a time.Time, a
// time.Duration, a Sentence, an error, a list of texts or Sentences, or a type over one of
// these; or what implements Localized.
type Arg struct {
	Name  string
	Value any
}

// Localized is a value that has words of its own in each language ("zh" or "en").
type Localized interface {
	In(language string) string
}

// Say makes a sentence; pairs are names and values, as of slog: Say("broadcast.paused",
// "id", 3).
func Say(code string, pairs ...any) Sentence {
	s := Sentence{Code: code}
	for i := 0; i+1 < len(pairs); i += 2 {
		s.Args = append(s.Args, Arg{pairs[i].(string), pairs[i+1]})
	}
	return s
}

// Verbatim says a text that is not ours, such as what WeChat or a database answered, as it
// stands; "" says nothing.
func Verbatim(text string) Sentence {
	if text == "" {
		return Sentence{}
	}
	return Say(verbatim, "text", text)
}

const verbatim = "verbatim"

// IsZero tells whether it says nothing.
func (s Sentence) IsZero() bool { return s.Code == "" }

// Arg is the value of one place.
func (s Sentence) Arg(name string) (any, bool) {
	for _, a := range s.Args {
		if a.Name == name {
			return a.Value, true
		}
	}
	return nil, false
}

// keptMax is how long a kept sentence may be in bytes.
const keptMax = 1000

// Kept is how a column that also holds foreign texts keeps a sentence, for Stored: without
// what fills it in where that is too long.
func (s Sentence) Kept() string {
	raw, err := json.Marshal(s)
	if err != nil || len(raw) > keptMax {
		raw, _ = json.Marshal(Sentence{Code: s.Code})
	}
	return string(raw)
}

// Stored is a sentence that Kept or Value wrote; any other text says itself.
func Stored(text string) Sentence {
	var s Sentence
	if !strings.HasPrefix(text, "{") || s.scan(text) != nil || s.IsZero() {
		return Verbatim(text)
	}
	return s
}

// String is the sentence for programmers: its code and what fills it in. People get the
// words of internal/text.
func (s Sentence) String() string {
	var b strings.Builder
	if text, ok := s.Arg("text"); ok && s.Code == verbatim {
		return fmt.Sprint(text)
	}
	b.WriteString(s.Code)
	for _, a := range s.Args {
		fmt.Fprintf(&b, " %s=%v", a.Name, a.Value)
	}
	return b.String()
}

// MarshalJSON writes {"code": …, "args": {…}}; null for the zero Sentence. Errors among
// the values become their Sentence, or their text.
func (s Sentence) MarshalJSON() ([]byte, error) {
	if s.IsZero() {
		return []byte("null"), nil
	}
	args := make(map[string]any, len(s.Args))
	for _, a := range s.Args {
		args[a.Name] = storable(a.Value)
	}
	return json.Marshal(struct {
		Code string         `json:"code"`
		Args map[string]any `json:"args,omitempty"`
	}{s.Code, args})
}

func storable(v any) any {
	err, ok := v.(error)
	if !ok {
		return v
	}
	var said Said
	if errors.As(err, &said) {
		return said.Sentence()
	}
	return err.Error()
}

// UnmarshalJSON reads what MarshalJSON wrote: numbers become json.Number, times texts.
func (s *Sentence) UnmarshalJSON(raw []byte) error {
	var stored *struct {
		Code string                     `json:"code"`
		Args map[string]json.RawMessage `json:"args"`
	}
	if err := json.Unmarshal(raw, &stored); err != nil || stored == nil {
		*s = Sentence{}
		return err
	}
	*s = Sentence{Code: stored.Code}
	for name, raw := range stored.Args {
		value, err := storedArg(raw)
		if err != nil {
			return err
		}
		s.Args = append(s.Args, Arg{name, value})
	}
	return nil
}

func storedArg(raw json.RawMessage) (any, error) {
	switch {
	case strings.HasPrefix(string(raw), "{"):
		var inner Sentence
		err := json.Unmarshal(raw, &inner)
		return inner, err
	case strings.HasPrefix(string(raw), "["):
		var list []json.RawMessage
		if err := json.Unmarshal(raw, &list); err != nil {
			return nil, err
		}
		values := make([]any, len(list))
		for i := range list {
			var err error
			if values[i], err = storedArg(list[i]); err != nil {
				return nil, err
			}
		}
		return values, nil
	}
	decoder := json.NewDecoder(strings.NewReader(string(raw)))
	decoder.UseNumber()
	var value any
	err := decoder.Decode(&value)
	return value, err
}

// Value is how the store keeps a sentence: its JSON, "" for the zero Sentence.
func (s Sentence) Value() (driver.Value, error) {
	if s.IsZero() {
		return "", nil
	}
	raw, err := json.Marshal(s)
	return string(raw), err
}

// Scan reads what Value wrote.
func (s *Sentence) Scan(kept any) error {
	switch v := kept.(type) {
	case nil:
		*s = Sentence{}
		return nil
	case string:
		return s.scan(v)
	case []byte:
		return s.scan(string(v))
	}
	return fmt.Errorf("a sentence is kept as a text, not as %T", kept)
}

func (s *Sentence) scan(text string) error {
	if text == "" {
		*s = Sentence{}
		return nil
	}
	return json.Unmarshal([]byte(text), s)
}

// Said is an error that people can read.
type Said interface {
	error
	Sentence() Sentence
}

// SaidError is an error that is a sentence.
type SaidError struct {
	says Sentence
	of   []error
}

// NewError makes an error that says a sentence.
func NewError(code string, pairs ...any) *SaidError { return &SaidError{says: Say(code, pairs...)} }

// Of makes errors.Is and errors.As find the kind of error that it is, and its cause.
func (e *SaidError) Of(errs ...error) *SaidError {
	e.of = append(e.of, errs...)
	return e
}

// Unwrap are its kind and its cause.
func (e *SaidError) Unwrap() []error { return e.of }

func (e *SaidError) Error() string { return e.says.String() }

// Sentence is what the error says.
func (e *SaidError) Sentence() Sentence { return e.says }
