package api

import (
	"context"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/wxcast/wxcast/internal/account"
)

// ExportFormat is how rows are written.
type ExportFormat struct {
	Format string `query:"format" enum:"csv,jsonl,excel" default:"csv"`
}

func (f ExportFormat) contentType() string {
	if f.Format == "jsonl" {
		return "application/jsonl"
	}
	return "text/csv; charset=utf-8"
}

// stream adds a call that answers with as many rows as there are.
func stream[I any, P interface {
	*I
	contentType() string
}](a *API, op huma.Operation, do func(ctx context.Context, of *account.Account, in *I, w io.Writer) error) {
	op.Responses = map[string]*huma.Response{"200": {Description: "OK",
		Content: map[string]*huma.MediaType{"text/csv": {}, "application/jsonl": {}}}}
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*huma.StreamResponse, error) {
		return &huma.StreamResponse{Body: func(out huma.Context) {
			w := &begun{Context: out, contentType: P(in).contentType()}
			err := do(ctx, accountOf(ctx), in, w)
			switch {
			case err == nil:
				w.begin() // where there was nothing to write
			case !w.has:
				problem := a.problem(ctx, err)
				status := http.StatusInternalServerError
				if s, ok := problem.(huma.StatusError); ok {
					status = s.GetStatus()
				}
				_ = huma.WriteErr(a.huma, out, status, problem.Error()) // the caller may be gone
			default:
				a.Log.ErrorContext(ctx, "an export ended in the middle", "operation", op.OperationID, "err", err)
				panic(http.ErrAbortHandler) // so that the caller does not take it for whole
			}
		}}, nil
	})
}

// begun writes the head of an answer with its first bytes.
type begun struct {
	huma.Context
	contentType string
	has         bool
}

func (b *begun) begin() {
	if !b.has {
		b.has = true
		b.SetHeader("Content-Type", b.contentType)
		b.SetStatus(http.StatusOK)
	}
}

func (b *begun) Write(p []byte) (int, error) {
	b.begin()
	return b.BodyWriter().Write(p)
}
