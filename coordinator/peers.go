package coordinator

import (
	"crypto/tls"
	"net"
	"time"

	"github.com/hashicorp/raft"
	"go.uber.org/zap"
)

// Peers is how nodes reach each other over TCP.
type Peers struct {
	*raft.NetworkTransport
	stream *stream
}

// peerTimeout bounds a call from one node to another; an answer to entries that came in full takes milliseconds.
const peerTimeout = 5 * time.Second

// ListenPeers takes other nodes' connections at bind and calls them from there; they know this node by address. With a
// TLS configuration both ends of every connection show a certificate (keys.Folder.Peer); nil is for loopback alone.
func ListenPeers(bind, address string, t *tls.Config, log *zap.Logger) (*Peers, error) {
	l, err := net.Listen("tcp", bind)
	if err != nil {
		return nil, err
	}
	s := &stream{Listener: l, address: address, tls: t}
	if t != nil {
		s.Listener = tls.NewListener(l, t)
	}
	return &Peers{
		NetworkTransport: raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
			Stream: s, MaxPool: 3, MaxRPCsInFlight: 4, Timeout: peerTimeout, Logger: hclogTo(log),
		}),
		stream: s,
	}, nil
}

// stream makes raft's connections.
type stream struct {
	net.Listener
	address string
	tls     *tls.Config
}

// Addr is the address that others know this node by.
func (s *stream) Addr() net.Addr { return named(s.address) }

type named string

func (named) Network() string  { return "tcp" }
func (n named) String() string { return string(n) }

// Dial connects to another node.
func (s *stream) Dial(address raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: timeout}
	if s.tls == nil {
		return dialer.Dial("tcp", string(address))
	}
	return tls.DialWithDialer(dialer, "tcp", string(address), s.tls)
}
