package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"

	"go.uber.org/zap"

	"weir/config"
	"weir/coordinator"
	"weir/keys"
	"weir/transport"
)

type coordinatorCmd struct {
	clusterFlags
	Dir string `placeholder:"DIR" help:"Where the node's log, snapshots and record lie, for this run only (default: nodes/RUN/NAME)."`
	dataFolder
	Join   bool   `help:"The cluster is running: this node is to be added to it."`
	Record string `placeholder:"frames" enum:",frames" default:"" help:"Keep the whole log, for weir replay: frames."`
}

func (coordinatorCmd) Help() string {
	return `One of the nodes that replicate the run's ledger and model: they keep one log, one of them leads, and any of them can be
lost. Start as many as the cluster file names, in any order. A node that is killed goes on where it was when it is
started again with the same folder; one whose folder is lost gets a copy from the others.

The node embeds a NATS server, unless the cluster file names another, and shows the run at its http port. It ends when the
run is over; Ctrl-C, or SIGTERM, ends it cleanly before.

To add a node to a running cluster: name it in the cluster file, start it with --join, then tell the leader with
weir nodes add.

Examples:
  weir coordinator --config run.yaml --cluster cluster.yaml --id node-1 --keys keys/node-1
  weir coordinator --config run.yaml --cluster cluster.yaml --id node-2 --record frames`
}

// Run is one node until its run is over.
func (c *coordinatorCmd) Run(ctx context.Context, term terminal) error {
	cfg, cluster, folder, err := c.open()
	if err != nil {
		return err
	}
	at, known := cluster.Node(c.ID)
	if !known {
		return usage("--id %s: %s names no such node", c.ID, c.Cluster)
	}
	log := newLog(term.err, c.JSONLog)
	node := coordinator.Config{
		Node: c.ID, Join: c.Join, Dir: cmp.Or(c.Dir, filepath.Join("nodes", transport.Token(cluster.Run), c.ID)), Data: c.Data,
		Run: cfg, Subjects: transport.NewSubjects(cluster.Run), RecordFrames: c.Record == "frames", Log: log, OwnProcess: true,
	}
	node.HTTPPublic = folder == nil // on loopback, or insecure by name
	for _, n := range cluster.Nodes {
		node.Members = append(node.Members, coordinator.Member{ID: n.ID, Raft: n.RaftAddr(), HTTP: n.HTTPAddr()})
	}
	if node.HTTP, err = net.Listen("tcp", net.JoinHostPort(at.Bind(), strconv.Itoa(at.HTTP))); err != nil {
		return fmt.Errorf("%s: http: %w%s", c.ID, err, busy(err, "http"))
	}
	if folder != nil {
		node.HTTP = tls.NewListener(node.HTTP, folder.Server())
		node.HTTPTLS, node.HTTPToken = folder.Client(), folder.Token
	}
	peers, err := coordinator.ListenPeers(net.JoinHostPort(at.Bind(), strconv.Itoa(at.Raft)), at.RaftAddr(), folder.Peer(), log)
	if err != nil {
		return fmt.Errorf("%s: raft: %w%s", c.ID, err, busy(err, "raft"))
	}
	defer peers.Close()
	node.Raft = peers.NetworkTransport
	dial := transport.DialConfig{Cluster: cluster, Name: c.ID, Keys: folder, Log: log}
	if cluster.NATS.URL == "" {
		dial.Server, err = transport.StartServer(ctx, transport.ServerConfig{Cluster: cluster, Node: c.ID, Keys: folder, Log: log})
		if err != nil {
			return fmt.Errorf("%w%s", err, busy(err, "nats, routes"))
		}
		defer dial.Server.Close()
	}
	if node.Conn, err = transport.Dial(ctx, dial); err != nil {
		return unlessLeaving(err)
	}
	defer node.Conn.Close()
	log.Info("node starts", zap.String("node", c.ID), zap.String("raft", at.RaftAddr()), zap.String("http", at.HTTPAddr()))
	return unlessLeaving(coordinator.Run(ctx, node))
}

// busy says what to do about a port that is in use, in whose words the NATS server's error is all there is.
func busy(err error, key string) string {
	if strings.Contains(err.Error(), "address already in use") {
		return " (does another node or run use this port? the cluster file sets it: " + key + ")"
	}
	return ""
}

// open reads what every process of a cluster reads: the config, the cluster file, and its keys.
func (c *clusterFlags) open() (config.Config, config.Cluster, *keys.Folder, error) {
	cfg, err := config.Load(c.Config, c.Set)
	if err != nil {
		return cfg, config.Cluster{}, nil, err
	}
	cluster, err := config.LoadCluster(c.Cluster)
	if err != nil {
		return cfg, cluster, nil, err
	}
	if cluster, err = cluster.For(cfg); err != nil {
		return cfg, cluster, nil, err
	}
	folder, err := keys.Open(c.Keys, c.Insecure, cluster)
	if err != nil {
		return cfg, cluster, nil, usage("%v", err)
	}
	return cfg, cluster, folder, nil
}
