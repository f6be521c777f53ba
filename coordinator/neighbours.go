package coordinator

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// How the other nodes are asked for what they say of themselves. Nobody who looks at this node waits longer than
// askTimeout for one that does not answer.
const (
	askTimeout = 400 * time.Millisecond
	askEvery   = 400 * time.Millisecond // however many look
	maxReport  = 64 << 20               // bytes: a leader's, with a million clients
)

// neighbours are the other nodes as they are over HTTP.
type neighbours struct {
	cfg    *Config
	client *http.Client

	mu    sync.Mutex // held while they are asked: who comes meanwhile gets the same answers
	asked time.Time
	known reports
}

// reports are the latest answers, by node; of one that gave no answer this time, the one before with the role gone.
type reports map[string]nodeReport

func newNeighbours(cfg *Config) *neighbours {
	return &neighbours{cfg: cfg, known: reports{}, client: &http.Client{
		Timeout:   askTimeout,
		Transport: &http.Transport{TLSClientConfig: cfg.HTTPTLS, MaxIdleConnsPerHost: 1, IdleConnTimeout: 10 * time.Second},
	}}
}

func (b *neighbours) close() { b.client.CloseIdleConnections() }

// ask asks all of them at once, unless they were just asked.
func (b *neighbours) ask(ctx context.Context) reports {
	b.mu.Lock()
	defer b.mu.Unlock()
	if time.Since(b.asked) < askEvery {
		return b.known
	}
	var all sync.WaitGroup
	answers := make([]*nodeReport, len(b.cfg.Members))
	for i, m := range b.cfg.Members {
		if m.ID != b.cfg.Node && m.HTTP != "" {
			all.Go(func() { answers[i] = b.fetch(ctx, m) })
		}
	}
	all.Wait()
	if ctx.Err() != nil {
		return b.known // who asked has gone, and the others may well be there
	}
	fresh := reports{}
	for i, m := range b.cfg.Members {
		if answers[i] != nil {
			fresh[m.ID] = *answers[i]
		} else if last, once := b.known[m.ID]; once {
			last.Node.Role = roleGone
			fresh[m.ID] = last
		}
	}
	b.known, b.asked = fresh, time.Now()
	return fresh
}

// fetch asks one node; nil when it does not answer.
func (b *neighbours) fetch(ctx context.Context, m Member) *nodeReport {
	var r nodeReport
	if err := getJSON(ctx, b.client, b.cfg.url(m)+nodePath, b.cfg.HTTPToken, &r); err != nil || r.Node.ID != m.ID {
		return nil
	}
	return &r
}

// of is what is known of a member.
func (r reports) of(m Member, url string) nodeReport {
	if known, ok := r[m.ID]; ok {
		return known
	}
	s := NodeStatus{ID: m.ID, Role: roleGone, Raft: m.Raft, HTTP: url, LastContact: -1}
	if m.HTTP == "" {
		s.Role = roleUnknown
	}
	return nodeReport{Node: s}
}

// getJSON fetches a document of at most maxReport bytes.
func getJSON(ctx context.Context, client *http.Client, url, token string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body := io.LimitReader(response.Body, maxReport)
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(body, 200)) //nolint:errcheck // what is there of the reason
		return &httpError{response.StatusCode, fmt.Sprintf("%s: %s: %s", url, response.Status, text)}
	}
	return json.NewDecoder(body).Decode(into)
}

// httpError is an answer other than 200.
type httpError struct {
	status int
	text   string
}

func (e *httpError) Error() string { return e.text }
