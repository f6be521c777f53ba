package transport

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/zap"

	"weir/config"
	"weir/keys"
)

// ServerConfig says which node's server to start.
type ServerConfig struct {
	Cluster config.Cluster
	Node    string       // one of the cluster's
	Keys    *keys.Folder // the node's; nil for a server without TLS that everybody may use
	Log     *zap.Logger
}

// How long a server or a client hears nothing of the other before it hangs up: a machine that is gone says no goodbye.
const (
	pingEvery    = 2 * time.Second
	pingsMissing = 2
)

const (
	// serverPending is how many bytes may wait for one connection before the server cuts it off. A subscriber drops
	// messages at half of it, which costs less than to connect again.
	serverPending = 2 * pendingBytes
	writeDeadline = 10 * time.Second
	handshake     = 5 * time.Second // TLS and nkey, on machines that are busy
)

// Server is the NATS server that a node embeds.
type Server struct{ nats *server.Server }

// StartServer starts a node's server and returns when it takes connections; the other nodes' servers may come later.
func StartServer(ctx context.Context, cfg ServerConfig) (*Server, error) {
	opts, err := cfg.options()
	if err != nil {
		return nil, err
	}
	s, err := server.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("transport: NATS server of %s: %w", cfg.Node, err)
	}
	log := &serverLog{log: cfg.Log.Sugar(), fatal: make(chan string, 1)}
	s.SetLoggerV2(log, false, false, false)
	s.Start()
	started := &Server{s}
	for !s.ReadyForConnections(20 * time.Millisecond) {
		select {
		case text := <-log.fatal:
			started.Close() //nolint:errcheck // never fails
			return nil, fmt.Errorf("transport: NATS server of %s: %s", cfg.Node, text)
		case <-ctx.Done():
			started.Close() //nolint:errcheck // never fails
			return nil, fmt.Errorf("transport: NATS server of %s is not ready: %w", cfg.Node, ctx.Err())
		default:
		}
	}
	return started, nil
}

// Close ends all connections, and returns when the server has ended. It may be called twice.
func (s *Server) Close() error {
	s.nats.Shutdown()
	s.nats.WaitForShutdown()
	return nil
}

func (cfg ServerConfig) options() (*server.Options, error) {
	node, found := cfg.Cluster.Node(cfg.Node)
	if !found {
		return nil, fmt.Errorf("transport: %s is no node of the cluster", cfg.Node)
	}
	if cfg.Keys != nil && (cfg.Keys.Role != keys.Node || cfg.Keys.Name != cfg.Node) {
		return nil, fmt.Errorf("transport: node %s has the keys of %s %s", cfg.Node, cfg.Keys.Role, cfg.Keys.Name)
	}
	opts := &server.Options{
		ServerName:      cfg.Node,
		Host:            node.Bind(),
		Port:            node.NATS,
		ClientAdvertise: strings.TrimPrefix(node.NATSURL(), "nats://"),
		NoSigs:          true,
		MaxPayload:      MaxMessage,
		MaxPending:      serverPending,
		WriteDeadline:   writeDeadline,
		PingInterval:    pingEvery,
		MaxPingsOut:     pingsMissing,
		AuthTimeout:     2 * handshake.Seconds(),
		Cluster: server.ClusterOpts{
			Name:           "weir-" + Token(cfg.Cluster.Run),
			Host:           node.Bind(),
			Port:           node.Routes,
			Advertise:      node.RoutesAddr(),
			PingInterval:   pingEvery,
			MaxPingsOut:    pingsMissing,
			ConnectRetries: -1,
			Compression:    server.CompressionOpts{Mode: server.CompressionOff}, // frames are compressed
		},
	}
	for _, other := range cfg.Cluster.Nodes {
		if other.ID != cfg.Node {
			opts.Routes = append(opts.Routes, &url.URL{Scheme: "nats", Host: other.RoutesAddr()})
		}
	}
	if cfg.Keys != nil {
		cfg.secure(opts)
	}
	return opts, nil
}

// secure wants TLS and a known nkey of every client, and a node's certificate of every server.
func (cfg ServerConfig) secure(opts *server.Options) {
	opts.TLS, opts.TLSConfig, opts.TLSTimeout = true, cfg.Keys.Server(), handshake.Seconds()
	opts.Cluster.TLSConfig, opts.Cluster.TLSTimeout = cfg.Keys.Peer(), handshake.Seconds()
	subjects := NewSubjects(cfg.Cluster.Run)
	for _, u := range cfg.Keys.Users {
		opts.Nkeys = append(opts.Nkeys, subjects.user(u))
	}
}

// serverLog writes the server's log to ours. What the server notices is of interest only to who looks for a fault.
type serverLog struct {
	log   *zap.SugaredLogger
	fatal chan string // the first fatal error, which keeps the server from starting
}

func (l *serverLog) Noticef(format string, v ...any) { l.log.Debugf("NATS: "+format, v...) }
func (l *serverLog) Warnf(format string, v ...any)   { l.log.Warnf("NATS: "+format, v...) }
func (l *serverLog) Errorf(format string, v ...any)  { l.log.Warnf("NATS: "+format, v...) }
func (l *serverLog) Debugf(format string, v ...any)  { l.log.Debugf("NATS: "+format, v...) }
func (l *serverLog) Tracef(string, ...any)           {}
func (l *serverLog) Fatalf(format string, v ...any) {
	select {
	case l.fatal <- fmt.Sprintf(format, v...):
	default:
	}
}
