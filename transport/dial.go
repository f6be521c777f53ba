package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"weir/config"
	"weir/keys"
)

// DialConfig says who connects to what.
type DialConfig struct {
	Cluster config.Cluster
	Name    string       // a node's, a worker's, or operator; their keys allow them no other
	Keys    *keys.Folder // theirs; nil for a cluster without
	Server  *Server      // a node's own, which it connects to inside the process; nil for whichever node is there
	Log     *zap.Logger
}

// subscribing is how long Subscribe waits for the server to know.
const subscribing = time.Second

// The wait before a lost connection is tried again, after every server was: it doubles from the first to the last.
const (
	firstWait = 50 * time.Millisecond
	lastWait  = 2 * time.Second
)

// quietTries is how many tries there are from one line in the log to the next: the first comes after some seconds.
const quietTries = 8

// Dial connects to the cluster's NATS, and goes on trying until ctx ends or it is turned away; it looks at ctx between
// two tries, which take up to handshake for each server. A connection that is lost later comes back by itself; what is
// published in the meantime may be lost.
func Dial(ctx context.Context, cfg DialConfig) (Conn, error) {
	c := &natsConn{log: cfg.Log.With(zap.String("connection", cfg.Name))}
	options, err := cfg.options(c)
	if err != nil {
		return nil, err
	}
	urls := strings.Join(cfg.Cluster.NATSURLs(), ",")
	for attempt := 0; ; attempt++ {
		c.nats, err = nats.Connect(urls, options...)
		if err == nil {
			if err := c.fits(); err != nil {
				return nil, err
			}
			return c, nil
		}
		err = fmt.Errorf("transport: %s at %s: %w%s", cfg.Name, urls, err, cfg.hint(err))
		if turnedAway(err) {
			return nil, err
		}
		if attempt%quietTries == quietTries-1 {
			c.log.Info("nobody answers yet, trying on", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w (%w)", err, ctx.Err())
		case <-time.After(wait(attempt)):
		}
	}
}

// fits wants a server that carries the largest message, else it closes the connection.
func (c *natsConn) fits() error {
	if most := c.nats.MaxPayload(); most < MaxMessage {
		defer c.nats.Close()
		return fmt.Errorf("transport: the NATS at %s carries %d bytes a message: set its max_payload to %d, or higher",
			c.nats.ConnectedUrl(), most, MaxMessage)
	}
	return nil
}

func (cfg DialConfig) options(c *natsConn) ([]nats.Option, error) {
	if cfg.Keys != nil && cfg.Keys.Name != cfg.Name {
		return nil, fmt.Errorf("transport: %s has the keys of %s %s", cfg.Name, cfg.Keys.Role, cfg.Keys.Name)
	}
	options := []nats.Option{
		nats.Name(cfg.Name),
		nats.CustomInboxPrefix(inboxOf(cfg.Name)),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(), // a node may be back with other keys
		nats.CustomReconnectDelay(wait),
		nats.PingInterval(pingEvery),
		nats.MaxPingsOutstanding(pingsMissing),
		nats.Timeout(handshake),
		nats.DisconnectErrHandler(c.onDisconnect),
		nats.ReconnectHandler(c.onReconnect),
		nats.ErrorHandler(c.onError),
	}
	credentials := cfg.Cluster.NATS.Credentials
	if cfg.Keys != nil && cfg.Cluster.NATS.URL == "" {
		credentials = cfg.Keys.Seed
	}
	switch {
	case cfg.Server != nil:
		options = append(options, nats.InProcessServer(cfg.Server.nats))
	case cfg.Keys != nil && cfg.Cluster.NATS.URL == "":
		options = append(options, nats.Secure(cfg.Keys.Client()))
	}
	if credentials == "" {
		return options, nil
	}
	proof, err := prove(credentials)
	if err != nil {
		return nil, fmt.Errorf("transport: %s: %w", credentials, err)
	}
	return append(options, proof), nil
}

// prove reads a file of credentials, or one with the seed of an nkey.
func prove(file string) (nats.Option, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if strings.Contains(string(text), "BEGIN NATS USER JWT") {
		return nats.UserCredentials(file), nil
	}
	return nats.NkeyOptionFromSeed(file)
}

// turnedAway reports whether it is of no use to try again.
func turnedAway(err error) bool {
	var cert *tls.CertificateVerificationError
	return errors.Is(err, nats.ErrAuthorization) || errors.As(err, &cert) ||
		errors.Is(err, nats.ErrSecureConnRequired) || errors.Is(err, nats.ErrSecureConnWanted)
}

// hint says what to do about an error of nats.Connect.
func (cfg DialConfig) hint(err error) string {
	var cert *tls.CertificateVerificationError
	switch {
	case cfg.Cluster.NATS.URL != "":
		return ""
	case cfg.Keys == nil && turnedAway(err):
		return " (the cluster has keys: name this process's folder with --keys)"
	case errors.Is(err, nats.ErrAuthorization):
		return " (this key is not among the users of the node: does it have the newest users.json?)"
	case errors.As(err, &cert):
		return " (the node's certificate is not of this run's authority, not for this host, or expired)"
	case errors.Is(err, nats.ErrSecureConnWanted):
		return " (the cluster runs without keys, or another server answers there)"
	}
	return ""
}

// wait is how long to wait after so many attempts to reach any server: longer each time, and not all at once.
func wait(attempt int) time.Duration {
	w := lastWait
	if attempt < 10 {
		w = min(firstWait<<max(attempt-1, 0), lastWait)
	}
	return w/2 + rand.N(w)
}

// natsConn is a connection to a NATS server.
type natsConn struct {
	nats     *nats.Conn
	log      *zap.Logger
	handlers sync.WaitGroup

	mu     sync.Mutex // orders Close and the begin of a handler
	closed bool
}

func (c *natsConn) onDisconnect(_ *nats.Conn, err error) {
	if err != nil { // else it was closed here
		c.log.Info("disconnected", zap.Error(err))
	}
}

func (c *natsConn) onReconnect(n *nats.Conn) {
	c.log.Info("connected again", zap.String("server", n.ConnectedServerName()))
}

func (c *natsConn) onError(_ *nats.Conn, sub *nats.Subscription, err error) {
	fields := []zap.Field{zap.Error(err)}
	if sub != nil {
		fields = append(fields, zap.String("subject", sub.Subject))
	}
	c.log.Info("NATS complains", fields...)
}

func (c *natsConn) Publish(subject string, data []byte) error {
	if err := checkMessage(subject, data); err != nil {
		return err
	}
	if err := known(c.nats.Publish(subject, data)); !errors.Is(err, ErrNoAnswer) {
		return err
	}
	return nil // lost, as messages may be
}

func (c *natsConn) Request(ctx context.Context, subject string, data []byte) ([]byte, error) {
	if err := checkMessage(subject, data); err != nil {
		return nil, err
	}
	answer, err := c.nats.RequestWithContext(ctx, subject, data)
	if err != nil {
		return nil, known(err)
	}
	return answer.Data, nil
}

// known is the transport's own error for one of nats.go: while the connection is lost, nobody answers.
func known(err error) error {
	var network net.Error
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, nats.ErrConnectionClosed):
		return ErrClosed
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, nats.ErrReconnectBufExceeded), errors.As(err, &network):
		return ErrNoAnswer
	}
	return err
}

func (c *natsConn) Subscribe(subject, group string, handle func(Message)) (Subscription, error) {
	s := &natsSub{}
	receive := func(m *nats.Msg) {
		if s.closed.Load() || !c.begin() {
			return
		}
		defer c.handlers.Done()
		handle(Message{Subject: m.Subject, Reply: m.Reply, Data: m.Data})
	}
	var err error
	if group == "" {
		s.nats, err = c.nats.Subscribe(subject, receive)
	} else {
		s.nats, err = c.nats.QueueSubscribe(subject, group, receive)
	}
	if err != nil {
		return nil, known(err)
	}
	if err := s.nats.SetPendingLimits(-1, pendingBytes); err != nil {
		return nil, known(err)
	}
	if c.nats.IsConnected() {
		// What others publish from now on is to arrive, as far as they are at the same server.
		if err := c.nats.FlushTimeout(subscribing); errors.Is(err, nats.ErrConnectionClosed) {
			return nil, ErrClosed
		}
	}
	return s, nil
}

// begin reports whether a handler may begin, which Close then waits for.
func (c *natsConn) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.handlers.Add(1)
	}
	return !c.closed
}

func (c *natsConn) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.nats.Close()
	c.handlers.Wait()
	return nil
}

// natsSub is a subscription at a NATS server.
type natsSub struct {
	nats   *nats.Subscription
	closed atomic.Bool
}

func (s *natsSub) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	err := s.nats.Unsubscribe()
	if errors.Is(err, nats.ErrConnectionClosed) || errors.Is(err, nats.ErrBadSubscription) {
		return nil
	}
	return err
}
