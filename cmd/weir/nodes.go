package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"weir/config"
	"weir/keys"
	"weir/transport"
)

type nodesCmd struct {
	Add    nodesAddCmd    `cmd:"" help:"Add a node that was started with --join."`
	Remove nodesRemoveCmd `cmd:"" help:"Remove a node for good."`
	Stop   nodesStopCmd   `cmd:"" help:"Stop the run: what is committed stays, and every node writes its record."`
}

// operatorFlags are what an operator's order needs.
type operatorFlags struct {
	Config   string `required:"" placeholder:"F" help:"The YAML file that describes the run."`
	Cluster  string `required:"" placeholder:"F" help:"The YAML file that says on which machines the cluster is."`
	Keys     string `placeholder:"DIR" help:"The operator's folder of keys, as weir keys made it."`
	Insecure bool   `help:"Go without keys even where others can reach the cluster."`
}

type nodesAddCmd struct {
	operatorFlags
	ID string `arg:"" help:"The node's name, as the cluster file has it."`
}

func (nodesAddCmd) Help() string {
	return `Name the node in the cluster file, make its keys with weir keys add, start it with --join, and then say so here: the
leader sends it a copy of everything, and it counts for the majority from then on.

Example:
  weir nodes add node-4 --config run.yaml --cluster cluster.yaml --keys keys/operator`
}

// Run adds a node.
func (c *nodesAddCmd) Run(ctx context.Context, term terminal) error {
	return c.order(ctx, term, c.ID+" is added", func(cluster config.Cluster) (transport.Control, error) {
		n, known := cluster.Node(c.ID)
		if !known {
			return transport.Control{}, usage("%s names no node %s: add it there first", c.Cluster, c.ID)
		}
		return transport.Control{Add: c.ID, Raft: n.RaftAddr()}, nil
	})
}

type nodesRemoveCmd struct {
	operatorFlags
	ID string `arg:"" help:"The node's name."`
}

// Run removes a node.
func (c *nodesRemoveCmd) Run(ctx context.Context, term terminal) error {
	return c.order(ctx, term, c.ID+" is removed", func(config.Cluster) (transport.Control, error) {
		return transport.Control{Remove: c.ID}, nil
	})
}

type nodesStopCmd struct {
	operatorFlags
	Why string `default:"by hand" help:"What the record is to say of it."`
}

// Run stops the run.
func (c *nodesStopCmd) Run(ctx context.Context, term terminal) error {
	return c.order(ctx, term, "the run stops", func(config.Cluster) (transport.Control, error) {
		return transport.Control{Stop: c.Why}, nil
	})
}

// orderTimeout bounds an order, the change of leaders that may come between included.
const orderTimeout = 15 * time.Second

// order gives the leader an order and says that it was done.
func (c *operatorFlags) order(ctx context.Context, term terminal, done string, of func(config.Cluster) (transport.Control, error)) error {
	cfg, err := config.Load(c.Config, nil)
	if err != nil {
		return err
	}
	cluster, err := config.LoadCluster(c.Cluster)
	if err != nil {
		return err
	}
	if cluster, err = cluster.For(cfg); err != nil {
		return err
	}
	folder, err := keys.Open(c.Keys, c.Insecure, cluster)
	if err != nil {
		return usage("%v", err)
	}
	order, err := of(cluster)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, orderTimeout)
	defer cancel()
	conn, err := transport.Dial(ctx, transport.DialConfig{Cluster: cluster, Name: "operator", Keys: folder, Log: zap.NewNop()})
	if err != nil {
		return err
	}
	defer conn.Close()
	answer, err := conn.Request(ctx, transport.NewSubjects(cluster.Run).Control(), transport.Encode(order))
	if errors.Is(err, transport.ErrNoAnswer) {
		return errors.New("nobody leads the run now: is a majority of its nodes up? (weir status)")
	}
	if err != nil {
		return err
	}
	var reply transport.ControlReply
	if err := transport.Decode(answer, &reply); err != nil {
		return err
	}
	if reply.Error != "" {
		return errors.New(reply.Error)
	}
	_, err = fmt.Fprintln(term.out, done)
	return err
}
