package coordinator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/hashicorp/raft"
	"go.uber.org/zap"
)

// Where a node shows itself over HTTP. docs/metrics.md says what for.
const (
	healthPath  = "/healthz"
	readyPath   = "/readyz"
	statusPath  = "/status.json"
	nodePath    = "/node.json"
	metricsPath = "/metrics"
)

// goodbye is how long answers that are under way have when the node ends.
const goodbye = time.Second

// serveHTTP answers until ctx is done.
func (n *node[T]) serveHTTP(ctx context.Context) {
	s := &http.Server{
		Handler:           n.handler(),
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          zap.NewStdLog(n.log.WithOptions(zap.IncreaseLevel(zap.WarnLevel))),
	}
	var cause error
	ended := make(chan struct{})
	go func() {
		cause = s.Serve(n.cfg.HTTP)
		close(ended)
	}()
	select {
	case <-ended:
		n.log.Error("HTTP ended; the node goes on without it", zap.Error(cause))
		return
	case <-ctx.Done():
	}
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
	defer cancel()
	if err := s.Shutdown(within); err != nil {
		err = errors.Join(err, s.Close())
		n.log.Debug("HTTP ended with answers under way", zap.Error(err))
	}
	<-ended
}

// handler is all that the node shows. Whether it is up and ready is for everybody to see.
func (n *node[T]) handler() http.Handler {
	guarded := http.NewServeMux()
	guarded.HandleFunc("GET "+statusPath, func(w http.ResponseWriter, r *http.Request) { answerJSON(w, n.status(r.Context())) })
	guarded.HandleFunc("GET "+nodePath, func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, n.report()) })

	guarded.Handle("GET "+metricsPath, n.metricsHandler())
	guarded.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { answerHTML(w, n.livePage(r.Context()).Write) })
	guarded.HandleFunc("GET /main", func(w http.ResponseWriter, r *http.Request) { answerHTML(w, n.livePage(r.Context()).WriteMain) })

	all := http.NewServeMux()
	all.HandleFunc("GET "+healthPath, func(w http.ResponseWriter, _ *http.Request) { answerText(w, http.StatusOK, "up") })
	all.HandleFunc("GET "+readyPath, func(w http.ResponseWriter, r *http.Request) {
		if err := n.ready(r.Context()); err != nil {
			answerText(w, http.StatusServiceUnavailable, err.Error())
			return
		}
		answerText(w, http.StatusOK, "ready")
	})
	all.Handle("/", n.cfg.guard(guarded))
	return all
}

func answerText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	fmt.Fprintln(w, text)
}

func answerJSON(w http.ResponseWriter, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		answerText(w, http.StatusInternalServerError, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(append(text, '\n')) //nolint:errcheck // who asked has gone
}

func answerHTML(w http.ResponseWriter, page func(io.Writer) error) {
	var text bytes.Buffer
	if err := page(&text); err != nil {
		answerText(w, http.StatusInternalServerError, err.Error())
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(text.Bytes()) //nolint:errcheck // who asked has gone
}

// How long a node has to apply what is committed before it is not ready: under load it is always a little behind.
const (
	readyWithin = 500 * time.Millisecond
	readyPoll   = 5 * time.Millisecond
)

// ready says why this node is of no use now; nil when somebody leads and the node holds what is committed.
func (n *node[T]) ready(ctx context.Context) error {
	n.mu.Lock()
	broken := n.broken
	n.mu.Unlock()
	if broken != nil {
		return broken
	}
	if _, leader := n.raft.LeaderWithID(); leader == "" {
		return errors.New("nobody leads: a majority of the nodes is needed")
	}
	committed := n.raft.CommitIndex()
	for began := time.Now(); n.raft.AppliedIndex() < committed; {
		if n.raft.State() == raft.Shutdown || time.Since(began) > readyWithin {
			return fmt.Errorf("catching up: %d of %d entries are applied", n.raft.AppliedIndex(), committed)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(readyPoll):
		}
	}
	return nil
}
