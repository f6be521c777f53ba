package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"go.uber.org/zap"

	"weir/config"
	"weir/transport"
	"weir/worker"
)

// clusterFlags are what every process of a cluster is told.
type clusterFlags struct {
	Config   string   `required:"" placeholder:"F" help:"The YAML file that describes the run; the same on every machine."`
	Set      []string `sep:"none" placeholder:"KEY=VALUE" help:"Change one key of the config, such as stop.versions=10. May be repeated."`
	Cluster  string   `required:"" placeholder:"F" help:"The YAML file that says on which machines the cluster is."`
	ID       string   `required:"" name:"id" placeholder:"NAME" help:"Which process of the cluster this is."`
	Keys     string   `placeholder:"DIR" help:"This process's own folder of keys, as weir keys made it."`
	Insecure bool     `help:"Go without keys even where others can reach the cluster: only where everybody is trusted."`
	JSONLog  bool     `name:"json-log" help:"Log in JSON, a line a decision."`
}

type workerCmd struct {
	clusterFlags
	Clients config.ClientIDs `placeholder:"IDS" help:"The clients to host, such as 0-12,20 (default: as the cluster file says)."`
	Dir     string           `placeholder:"DIR" help:"Where the clients' state lies, for this run only (default: workers/RUN/NAME)."`
	dataFolder
	Emulate bool `help:"Take as long as clients.speed and clients.link say."`
}

func (workerCmd) Help() string {
	return `Hosts clients of a run: does their local work on this machine and sends what comes of it to whoever leads, until the
run has stopped. It needs no order: it waits for a cluster that is not there yet, and comes back to one that was away.

Everything that was worked out and is not in the model yet lies in --dir. A worker that is killed goes on where it was
when it is started again with the same folder. Ctrl-C, or SIGTERM, ends it cleanly: its clients leave the run, which goes
on without them.

A worker is as fast as its machine. With --emulate it is as slow as the config has its clients' machines and links; what
clients.dropout says is left to whoever wants to kill it.

Examples:
  weir worker --config run.yaml --cluster cluster.yaml --id worker-1 --keys keys/worker-1
  weir worker --config run.yaml --cluster cluster.yaml --id worker-2 --data ../shared/data --json-log`
}

// Run hosts clients until the run has stopped.
func (c *workerCmd) Run(ctx context.Context, term terminal) error {
	cfg, cluster, folder, err := c.open()
	if err != nil {
		return err
	}
	clients, err := c.clients(cluster)
	if err != nil {
		return err
	}
	run := cluster.Run
	if c.Dir == "" {
		c.Dir = filepath.Join("workers", transport.Token(run), c.ID)
	}
	w := worker.Config{
		Name: c.ID, Clients: clients, Dir: c.Dir, Data: c.Data, Run: cfg, Subjects: transport.NewSubjects(run),
		Emulate: c.Emulate, Log: newLog(term.err, c.JSONLog).With(zap.String("worker", c.ID)),
	}
	if err := w.Validate(); err != nil {
		return usage("%v", err)
	}
	if isTerminal(term.err) && !c.JSONLog {
		fmt.Fprintf(term.err, "%s hosts %d clients of %s; Ctrl-C lets them leave the run\n", c.ID, len(clients), run)
	}
	dial := transport.DialConfig{Cluster: cluster, Name: c.ID, Keys: folder, Log: w.Log}
	for _, conn := range []*transport.Conn{&w.Conn, &w.Bulk} {
		if *conn, err = transport.Dial(ctx, dial); err != nil {
			return unlessLeaving(err)
		}
		defer (*conn).Close()
	}
	return unlessLeaving(worker.Run(ctx, w))
}

// unlessLeaving is err, but for the end that was asked for.
func unlessLeaving(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// clients are those to host.
func (c *workerCmd) clients(cluster config.Cluster) ([]uint32, error) {
	if c.Clients.Len() > 0 {
		return slices.Collect(c.Clients.All()), nil
	}
	w, known := cluster.Worker(c.ID)
	if !known {
		return nil, usage("--id %s: %s names no such worker: add it there, or say which --clients it hosts", c.ID, c.Cluster)
	}
	return slices.Collect(w.Clients.All()), nil
}
