package main

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// A traffic is what a client sends and gets: the formats, and whether lists were streamed.
type traffic struct {
	mutex    sync.Mutex
	sent     map[string]bool
	received map[string]bool
	streamed bool
}

func newTraffic() *traffic {
	return &traffic{sent: map[string]bool{}, received: map[string]bool{}}
}

// watched has every request of a client seen.
func (t *traffic) watched(next http.RoundTripper) http.RoundTripper {
	return seer{t, next}
}

type seer struct {
	traffic *traffic
	next    http.RoundTripper
}

func (s seer) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := s.next.RoundTrip(request)
	if err == nil {
		s.traffic.see(request, response)
	}
	return response, err
}

func (t *traffic) see(request *http.Request, response *http.Response) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if kind := request.Header.Get("Content-Type"); kind != "" {
		t.sent[kind] = true
	}
	t.received[strings.ReplaceAll(response.Header.Get("Content-Type"), " ", "")] = true
	if request.URL.Query().Get("sendInitialEvents") == "true" && response.StatusCode == http.StatusOK {
		t.streamed = true
	}
}

// report says what was seen.
func (t *traffic) report(to *report) {
	// Watches may still be ending.
	t.mutex.Lock()
	defer t.mutex.Unlock()
	step(to, "formats", func() (map[string]any, error) {
		return map[string]any{
			"sent": slices.Sorted(maps.Keys(t.sent)), "received": slices.Sorted(maps.Keys(t.received)), "streamed": t.streamed,
		}, nil
	})
}
