package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// eventReader is a system of the company's that asks for what happened, all the time.
type eventReader struct {
	mu    sync.Mutex
	sent  map[string]int // how often each message was told to be sent, by its key
	last  int64          // the last event that it has seen
	wrong []string
}

// readEvents reads events by whichever replica answers, until ctx ends.
func (a *asking) readEvents(ctx context.Context) *eventReader {
	reader := &eventReader{sent: map[string]int{}}
	client := http.Client{Timeout: 10 * time.Second}
	go func() {
		for ctx.Err() == nil {
			if err := reader.page(ctx, a, &client); err != nil {
				time.Sleep(50 * time.Millisecond)
			}
		}
	}()
	return reader
}

func (e *eventReader) page(ctx context.Context, a *asking, client *http.Client) error {
	a.mu.Lock()
	base := a.bases[int(time.Now().UnixNano())%len(a.bases)]
	a.mu.Unlock()
	e.mu.Lock()
	url := fmt.Sprintf("%s/api/v1/events?limit=1000&wait=1&after=%d", base, e.last)
	e.mu.Unlock()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+a.key)
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		if resp.StatusCode == http.StatusGone {
			e.mu.Lock()
			e.wrong = append(e.wrong, "410 for "+url)
			e.mu.Unlock()
		}
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		var told struct {
			Cursor, Type string
			Data         struct{ Key string }
		}
		if err := json.Unmarshal(lines.Bytes(), &told); err != nil {
			return err // it was killed in the middle of a line
		}
		e.mu.Lock()
		if told.Cursor != strconv.FormatInt(e.last+1, 10) {
			e.wrong = append(e.wrong, fmt.Sprintf("%s after %d", told.Cursor, e.last))
		}
		e.last++
		if told.Type == "message.sent" {
			e.sent[told.Data.Key]++
		}
		e.mu.Unlock()
	}
	return nil
}

// check holds what was told against what was asked for; all of that was sent.
func (e *eventReader) check(r *round) {
	told := func() int {
		e.mu.Lock()
		defer e.mu.Unlock()
		return len(e.sent)
	}
	for deadline := time.Now().Add(10 * time.Second); told() < messagesAsked && time.Now().Before(deadline); {
		time.Sleep(200 * time.Millisecond)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	r.check("what happened is told", len(e.sent) == messagesAsked, "of %d messages that were sent %d are told",
		messagesAsked, len(e.sent))
	r.check("events come in one order, and none is missing", len(e.wrong) == 0, "%d: %.300s", len(e.wrong),
		fmt.Sprint(e.wrong))
}
