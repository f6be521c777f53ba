package coordinator

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"time"
)

// Asker asks a cluster how it is, from outside: any node that answers.
type Asker struct {
	urls   []string
	token  string
	client *http.Client
	last   int // who answered last is asked first
}

// answerWithin bounds what one node may take, so that the next one is asked soon.
const answerWithin = 2 * time.Second

// ErrToken is wrapped by the error of Status when a node wants a token, or another one.
var ErrToken = errors.New("the node wants the run's token")

// NewAsker asks the nodes at urls. The token may be empty, and the TLS configuration nil for what the system trusts.
func NewAsker(urls []string, token string, t *tls.Config) *Asker {
	return &Asker{urls: urls, token: token, client: &http.Client{Timeout: answerWithin, Transport: &http.Transport{TLSClientConfig: t}}}
}

// Close hangs up.
func (a *Asker) Close() { a.client.CloseIdleConnections() }

// Status is what the first node says that answers; when none does, why each did not.
func (a *Asker) Status(ctx context.Context) (Status, error) {
	var faults []error
	for i := range a.urls {
		at := (a.last + i) % len(a.urls)
		var s Status
		err := getJSON(ctx, a.client, a.urls[at]+statusPath, a.token, &s)
		var answer *httpError
		switch {
		case err == nil:
			a.last = at
			return s, nil
		case errors.As(err, &answer) && answer.status == http.StatusUnauthorized:
			return Status{}, errors.Join(ErrToken, err)
		}
		faults = append(faults, err)
	}
	return Status{}, errors.Join(append([]error{errors.New("no node answers")}, faults...)...)
}
