package wechat

import (
	"net/url"
	"slices"
	"sync"
	"time"
)

// hostRest is how long a host that took no connection is tried last.
const hostRest = time.Minute

// hosts is the list of API hosts with the memory of which were unreachable.
type hosts struct {
	mu    sync.Mutex
	bases []*url.URL
	rests map[*url.URL]time.Time // until when a host is tried last
}

func newHosts(bases []string) *hosts {
	h := &hosts{rests: map[*url.URL]time.Time{}}
	for _, base := range bases {
		u, err := url.Parse(base)
		if err != nil {
			u = &url.URL{Opaque: base} // the call says that it cannot be reached
		}
		h.bases = append(h.bases, u)
	}
	return h
}

// inOrder lists the hosts as configured, those at rest behind the others.
func (h *hosts) inOrder() []*url.URL {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.rests) == 0 {
		return h.bases
	}
	now := time.Now()
	ordered := slices.Clone(h.bases)
	slices.SortStableFunc(ordered, func(a, b *url.URL) int {
		restA, restB := h.rests[a].After(now), h.rests[b].After(now)
		switch {
		case restA == restB:
			return 0
		case restB:
			return -1
		}
		return 1
	})
	return ordered
}

// failed puts a host to rest.
func (h *hosts) failed(base *url.URL) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rests[base] = time.Now().Add(hostRest)
}
