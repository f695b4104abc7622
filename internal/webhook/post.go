package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/wxcast/wxcast/internal/foreign"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// errGone: the endpoint says that it wants no more, which the standard asks to respect.
var errGone = errors.New("it answers 410 Gone: it wants no more events")

// refusedError is an answer that is no success.
type refusedError struct {
	status     int
	says       string
	retryAfter time.Duration
}

func (e *refusedError) Error() string {
	if e.says == "" {
		return fmt.Sprintf("it answers with status %d", e.status)
	}
	return fmt.Sprintf("it answers with status %d: %s", e.status, e.says)
}

// saysMax is what is kept of an answer, for whoever looks for the fault.
const saysMax = 200

// post posts some events. They have the same id whenever the same are posted again.
func (s *Sender) post(ctx context.Context, events []wxcast.Event, body []byte) error {
	id := fmt.Sprintf("evt_%s_%d", s.Account, events[0].Seq)
	contentType := "application/json"
	if s.Endpoint.Lines {
		id = fmt.Sprintf("%s-%d", id, events[len(events)-1].Seq)
		contentType = "application/jsonl"
	}
	return Post(ctx, s.Client, s.Endpoint, id, s.Store.Now(), contentType, body)
}

// Post posts a signed body to an endpoint. Its error never holds the address, which may hold a
// key.
func Post(ctx context.Context, client *http.Client, to Endpoint, id string, now time.Time, contentType string,
	body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, bytes.NewReader(body))
	if err != nil {
		return errors.New("its address is none")
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("User-Agent", "wxcast")
	if err := Sign(req.Header, to.Secrets, id, now, body); err != nil {
		return err
	}
	_, err = ask(client, req)
	var refused *refusedError
	if errors.As(err, &refused) && refused.status == http.StatusGone {
		return errGone
	}
	return err
}

// Answer is what a system answers.
type Answer struct {
	ContentType string
	Body        []byte
}

// ask makes a request, and returns the answer to it: a *refusedError where it is no success. The
// error never holds the address.
func ask(client *http.Client, req *http.Request) (Answer, error) {
	resp, err := client.Do(req)
	if err != nil {
		var urlErr *url.Error
		if errors.As(err, &urlErr) {
			err = urlErr.Err
		}
		return Answer{}, fmt.Errorf("it does not answer: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, answerMax))
	switch {
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		after, _ := strconv.Atoi(resp.Header.Get("Retry-After")) // in seconds; a date counts as none
		return Answer{}, &refusedError{resp.StatusCode, foreign.Text(string(bytes.TrimSpace(body)), saysMax),
			time.Duration(after) * time.Second}
	case err != nil:
		return Answer{}, fmt.Errorf("its answer breaks off: %w", err)
	}
	return Answer{resp.Header.Get("Content-Type"), body}, nil
}
