package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	// messagesMax are the messages of one call, and messagesBody its bytes.
	messagesMax  = 1000
	messagesBody = 16 << 20
	// messageLine is the longest line of such a call.
	messageLine = 256 << 10
	// messagesPath takes them, and linesPath many as JSON Lines.
	messagesPath, linesPath = "/messages", "/messages/lines"
)

// jsonLines are the content types of JSON Lines.
var jsonLines = []string{"application/jsonl", "application/x-ndjson", "application/x-jsonlines",
	"application/json-lines"}

// MessageBody asks for a message to one person.
type MessageBody struct {
	Preset    string            `json:"preset,omitempty" doc:"name of a stored spec; or else spec"`
	Spec      map[string]any    `json:"spec,omitempty" doc:"what to say, as a spec's YAML has it: channels, or template and data"`
	To        string            `json:"to" doc:"openid, unionid or mini_openid"`
	Vars      map[string]string `json:"vars,omitempty" doc:"values of the variables that the spec names"`
	At        string            `json:"at,omitempty" doc:"when it leaves: RFC 3339, or a Beijing time such as 2026-11-30 10:00; now, if it is not given"`
	ExpiresAt string            `json:"expires_at,omitempty" doc:"until when it is of use; after that it does not leave"`
	Key       string            `json:"key,omitempty" doc:"the caller's own name of the message: the same again is the same message, for 7 days"`
}

func (m MessageBody) request() account.MessageRequest {
	return account.MessageRequest{Preset: m.Preset, Inline: m.Spec, To: m.To, Vars: m.Vars, At: m.At,
		ExpiresAt: m.ExpiresAt, Key: m.Key}
}

// ByMessage is the path of a message.
type ByMessage struct {
	ID int64 `path:"id" doc:"the message's ID"`
}

// messageAnswer is 202 for a new message, and 200 for one that was asked for before.
type messageAnswer struct {
	Status int
	Body   account.MessageAnswer
}

func (a *API) addMessages() {
	send := operation("send-message", http.MethodPost, messagesPath, "Send a message to one person", wxcast.ScopeSend)
	send.Description = "It is stored when the call is answered with 202, and leaves once. The same key with the same " +
		"content is answered with 200 and the same id, with other content with 409. What WeChat would refuse is a 422. " +
		"With the content type application/jsonl up to 1,000 are taken: see send-messages."
	send.DefaultStatus = http.StatusAccepted
	send.Responses = map[string]*huma.Response{}
	send.Errors = append(send.Errors, http.StatusNotFound, http.StatusConflict)
	huma.Register(a.huma, send, func(ctx context.Context, in *struct{ Body MessageBody }) (*messageAnswer, error) {
		out, err := accountOf(ctx).SendMessage(ctx, in.Body.request())
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		return &messageAnswer{Status: statusOfMessage(out), Body: out}, nil
	})
	a.addMessageLines()
	register(a, operation("get-message", http.MethodGet, messagesPath+"/{id}", "Show a message, and what became of it",
		wxcast.ScopeSend),
		func(ctx context.Context, of *account.Account, in *ByMessage) (account.Message, error) {
			return of.Message(ctx, in.ID)
		})
	register(a, operation("cancel-message", http.MethodDelete, messagesPath+"/{id}",
		"Cancel a message that has not left",
		wxcast.ScopeSend),
		func(ctx context.Context, of *account.Account, in *ByMessage) (account.Message, error) {
			return of.CancelMessage(ctx, in.ID)
		})
	a.addPresets()
}

func statusOfMessage(m account.MessageAnswer) int {
	if m.Known {
		return http.StatusOK
	}
	return http.StatusAccepted
}

// linesApart leads messages that come as JSON Lines to the call that takes them.
func linesApart(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if r.Method == http.MethodPost && r.URL.Path == Prefix+messagesPath && slices.Contains(jsonLines, kind) {
			r.URL.Path = Prefix + linesPath
			r.Header.Set("Content-Type", jsonLines[0])
		}
		next.ServeHTTP(w, r)
	})
}

// lineAnswer is what became of one line.
type lineAnswer struct {
	Status int    `json:"status" doc:"202, 200, 404, 409, 422 or 503, as of a message sent alone"`
	ID     int64  `json:"id,omitempty"`
	State  string `json:"state,omitempty"`
	Error  string `json:"error,omitempty"`
}

// addMessageLines adds the call that takes many messages.
func (a *API) addMessageLines() {
	op := operation("send-messages", http.MethodPost, linesPath,
		"Send up to 1,000 messages, one a line; each line is answered with a line", wxcast.ScopeSend)
	op.MaxBodyBytes = messagesBody
	line := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[MessageBody](), true, "MessageBody")
	op.RequestBody = &huma.RequestBody{Required: true, Description: "lines, each a MessageBody",
		Content: map[string]*huma.MediaType{"application/jsonl": {Schema: line}}}
	op.Responses = map[string]*huma.Response{"200": {Description: "lines, each with the status of one",
		Content: map[string]*huma.MediaType{"application/jsonl": {
			Schema: a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[lineAnswer](), true, "LineAnswer")}}}}
	type lines struct {
		ContentType string `header:"Content-Type"`
		RawBody     []byte `contentType:"application/jsonl"`
	}
	huma.Register(a.huma, op, func(ctx context.Context, in *lines) (*huma.StreamResponse, error) {
		answers, err := a.sendLines(ctx, in.RawBody)
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		return &huma.StreamResponse{Body: func(out huma.Context) {
			out.SetHeader("Content-Type", "application/jsonl")
			enc := json.NewEncoder(out.BodyWriter())
			enc.SetEscapeHTML(false)
			for _, one := range answers {
				if enc.Encode(one) != nil {
					return // the caller is gone
				}
			}
		}}, nil
	})
}

// sendLines sends the messages of lines, and answers each.
func (a *API) sendLines(ctx context.Context, raw []byte) ([]lineAnswer, error) {
	var answers []lineAnswer
	var requests []account.MessageRequest
	var of []int // their lines
	refuse := func(i int, err error) { answers[i].Status, answers[i].Error = a.told(ctx, err) }
	in := bufio.NewScanner(bytes.NewReader(raw))
	in.Buffer(nil, messageLine)
	for in.Scan() {
		if len(bytes.TrimSpace(in.Bytes())) == 0 {
			continue
		}
		if len(answers) == messagesMax {
			return nil, &wxcast.BadInput{Problem: wxcast.Say("message.many_lines", "most", messagesMax)}
		}
		answers = append(answers, lineAnswer{})
		r, err := readLine(in.Bytes())
		if err != nil {
			refuse(len(answers)-1, err)
			continue
		}
		requests, of = append(requests, r), append(of, len(answers)-1)
	}
	if in.Err() != nil {
		return nil, &wxcast.BadInput{Line: len(answers) + 1, Problem: wxcast.Say("message.long_line", "most",
			messageLine>>10)}
	}
	for i, one := range accountOf(ctx).SendMessages(ctx, requests) {
		if one.Err != nil {
			refuse(of[i], one.Err)
			continue
		}
		answers[of[i]] = lineAnswer{Status: statusOfMessage(one), ID: one.ID, State: one.State}
	}
	return answers, nil
}

func readLine(line []byte) (r account.MessageRequest, err error) {
	var body MessageBody
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if err = dec.Decode(&body); err == nil && dec.More() {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return r, &wxcast.BadInput{Problem: wxcast.Say("message.no_line", "why", strings.TrimPrefix(err.Error(),
			"json: "))}
	}
	return body.request(), nil
}

// told is an error's status and what it says.
func (a *API) told(ctx context.Context, err error) (status int, said string) {
	problem := a.problem(ctx, err)
	var s huma.StatusError
	if errors.As(problem, &s) {
		return s.GetStatus(), problem.Error()
	}
	return http.StatusInternalServerError, problem.Error()
}

// ByPreset is the path of a preset.
type ByPreset struct {
	Name string `path:"name" maxLength:"100" doc:"the preset's name"`
}

func (a *API) addPresets() {
	type presetList struct {
		Presets []account.Preset `json:"presets"`
	}
	register(a, operation("list-presets", http.MethodGet, "/presets", "List the presets, each in its latest version",
		wxcast.ScopeRead),
		func(ctx context.Context, of *account.Account, _ *struct{}) (presetList, error) {
			all, err := of.Presets(ctx)
			return presetList{all}, err
		})
	type byVersion struct {
		ByPreset
		Version int `query:"version" minimum:"1" doc:"the latest, if it is not given"`
	}
	register(a, operation("get-preset", http.MethodGet, "/presets/{name}", "Show a preset", wxcast.ScopeRead),
		func(ctx context.Context, of *account.Account, in *byVersion) (account.Preset, error) {
			return of.Preset(ctx, in.Name, in.Version)
		})
	type put struct {
		ByPreset
		RawBody []byte `contentType:"application/yaml"`
	}
	register(a, operation("put-preset", http.MethodPut, "/presets/{name}",
		"Store a spec of messages, YAML or JSON, as a new version of a preset", wxcast.ScopeSend),
		func(ctx context.Context, of *account.Account, in *put) (account.Preset, error) {
			return of.PutPreset(ctx, in.Name, in.Name+".yaml", in.RawBody, nil)
		})
	register(a, operation("remove-preset", http.MethodDelete, "/presets/{name}",
		"Remove a preset; what was asked for by it goes on", wxcast.ScopeSend),
		func(ctx context.Context, of *account.Account, in *ByPreset) (Done, error) {
			return Done{}, of.RemovePreset(ctx, in.Name)
		})
}
