package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"weir/atomicfile"
	"weir/config"
	"weir/coordinator"
	"weir/record"
)

type upCmd struct {
	Config string   `arg:"" optional:"" help:"The YAML file that describes the run."`
	Set    []string `sep:"none" placeholder:"KEY=VALUE" help:"Change one key of the config, such as stop.versions=10. May be repeated."`
	Out    string   `placeholder:"DIR" help:"The run's folder (default: runs/NAME-N, N the next free number)."`
	dataFolder
	Workers      int    `default:"8" help:"Worker processes; the clients are divided among them."`
	Coordinators int    `placeholder:"N" help:"Coordinator nodes (default: coordinator.nodes of the config)."`
	Record       string `placeholder:"frames" enum:",frames" default:"" help:"Keep the whole log, for weir replay: frames."`
	Keep         bool   `help:"Keep what the nodes and the workers had on disk, for a look at it."`
	Quiet        bool   `short:"q" help:"Show no progress; print only the run's folder."`
	JSON         bool   `name:"json" help:"Print the run's summary as JSON."`
	Resume       string `placeholder:"DIR" help:"Go on with the interrupted run in DIR, instead of a CONFIG."`
}

func (upCmd) Help() string {
	return `A whole cluster on this machine: coordinator nodes that replicate the run, and workers that host its clients, each a
process of its own, with real consensus and real messages between them. The run's folder is that of weir sim.

Clients take as long as clients.speed says, in real time, and transfers as long as clients.link says: one machine stands
for many. With clients.durations time is simulated, and the cluster decides what weir sim decides.

Kill what you like: what dies is started again, and goes on. Ctrl-C ends a run cleanly, and --resume goes on from there.

Examples:
  weir up configs/quickstart.yaml
  weir up configs/quickstart.yaml --coordinators 1 --workers 2
  weir top --dir runs/quickstart-1
  weir up --resume runs/quickstart-1`
}

// cluster is a run on this machine.
type upRun struct {
	*upCmd
	cfg     config.Config
	dir     string
	cluster config.Cluster
	all     *supervisor
}

// Run brings a cluster up and waits for its run to end.
func (c *upCmd) Run(ctx context.Context, term terminal) error {
	r, err := c.open()
	if err != nil {
		return err
	}
	warn(term, r.cfg)
	p := newProgress(term.err, r.cfg, c.Quiet)
	err = r.run(ctx, p)
	p.done()
	if ctx.Err() != nil {
		fmt.Fprintf(term.err, "weir: interrupted; go on with: weir up --resume %s\n", r.dir)
		return errSilent
	}
	if err != nil {
		return fmt.Errorf("%w (%s has what every process said)", err, r.all.logs)
	}
	summary, err := r.collect()
	if err != nil {
		return err
	}
	j := &job{cfg: r.cfg, dir: r.dir, command: "weir up " + cmp.Or(c.Config, filepath.Join(r.dir, "config.yaml"))}
	if err := j.tell(term, summary, c.Quiet, c.JSON); err != nil {
		return err
	}
	if summary.StoppedBy == "diverged" {
		fmt.Fprintf(term.err, "weir: diverged by version %d: try a smaller local.lr or outer.lr; its record is in %s\n", summary.Versions, r.dir)
		return errSilent
	}
	return nil
}

// open prepares the run's folder: its config, and which process is where.
func (c *upCmd) open() (*upRun, error) {
	r := &upRun{upCmd: c, dir: c.Resume}
	path := filepath.Join(c.Resume, "config.yaml")
	if c.Resume == "" {
		if c.Config == "" {
			return nil, usage("which config? Try: weir up configs/quickstart.yaml")
		}
		path = c.Config
	} else if c.Config != "" || len(c.Set) > 0 || c.Out != "" {
		return nil, usage("--resume goes on with a run as it was: give no CONFIG, --set or --out beside it")
	}
	var err error
	if r.cfg, err = config.Load(path, c.Set); err != nil {
		return nil, err
	}
	if c.Resume == "" {
		if err := r.create(); err != nil {
			return nil, err
		}
	}
	if r.cluster, err = config.LoadCluster(filepath.Join(r.dir, "cluster.yaml")); err != nil {
		return nil, err
	}
	r.all, err = newSupervisor(filepath.Join(r.dir, "logs"))
	return r, err
}

func (r *upRun) create() error {
	nodes := r.Coordinators
	if nodes == 0 {
		nodes = r.cfg.Coordinator.Nodes
	}
	if nodes < 1 || nodes%2 == 0 {
		return usage("%d coordinator nodes: must be an odd number, since a majority decides: 1 survives nothing, 3 the loss of one", nodes)
	}
	if r.Workers < 1 {
		return usage("--workers %d: must be at least 1", r.Workers)
	}
	r.dir = r.Out
	if r.dir == "" {
		var err error
		if r.dir, err = nextFolder("runs", r.cfg.Name); err != nil {
			return err
		}
	}
	rec, err := record.Create(r.dir, r.cfg.YAML())
	if errors.Is(err, record.ErrHoldsRun) {
		return usage("%v", err)
	}
	if err != nil {
		return err
	}
	if err := rec.Close(); err != nil {
		return err
	}
	text, err := localCluster(nodes, min(r.Workers, r.cfg.Clients.Count), r.cfg.Clients.Count)
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(filepath.Join(r.dir, "cluster.yaml"), text)
}

// localCluster is a cluster file for this machine, with ports that are free now.
func localCluster(nodes, workers, clients int) ([]byte, error) {
	ports, err := freePorts(4 * nodes)
	if err != nil {
		return nil, err
	}
	text := []byte("# Which process of this run is where: made by weir up.\nnodes:\n")
	for i := range nodes {
		p := ports[4*i:]
		text = fmt.Appendf(text, "  - {id: node-%d, host: 127.0.0.1, raft: %d, nats: %d, routes: %d, http: %d}\n", i+1, p[0], p[1], p[2], p[3])
	}
	text = append(text, "workers:\n"...)
	for i := range workers {
		text = fmt.Appendf(text, "  - {id: worker-%d, clients: %d-%d}\n", i+1, i*clients/workers, (i+1)*clients/workers-1)
	}
	return text, nil
}

func freePorts(n int) ([]int, error) {
	ports := make([]int, n)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // all at the end, so that no port comes twice
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}

// run keeps all processes running until the coordinator's nodes are done, or one of them cannot go on.
func (r *upRun) run(ctx context.Context, p *progress) error {
	group, ctx := errgroup.WithContext(ctx)
	workers, endWorkers := context.WithCancel(ctx)
	shared := []string{"--config", filepath.Join(r.dir, "config.yaml"), "--cluster", filepath.Join(r.dir, "cluster.yaml"), "--data", r.Data}
	nodes, endNodes := context.WithCancel(ctx)
	ended := make(chan ending, len(r.cluster.Nodes))
	for _, n := range r.cluster.Nodes {
		args := append([]string{"coordinator", "--id", n.ID, "--dir", filepath.Join(r.dir, "nodes", n.ID)}, shared...)
		if r.Record != "" {
			args = append(args, "--record", r.Record)
		}
		group.Go(func() error {
			ended <- ending{n.ID, r.all.keep(nodes, n.ID, 0, args...)}
			return nil
		})
	}
	for _, w := range r.cluster.Workers {
		args := append([]string{"worker", "--id", w.ID, "--dir", filepath.Join(r.dir, "workers", w.ID), "--emulate"}, shared...)
		group.Go(func() error { return r.all.keep(workers, w.ID, 5, args...) })
	}
	watching, endWatch := context.WithCancel(ctx)
	group.Go(func() error {
		r.watch(watching, p)
		return nil
	})
	group.Go(func() error {
		defer endWatch()
		defer endWorkers()
		defer endNodes()
		return r.await(ended, p)
	})
	return group.Wait()
}

// ending is how a node's process ended for good.
type ending struct {
	node string
	err  error
}

// stragglers is how long nodes have to come to the end of the run once the first has.
const stragglers = 10 * time.Second

// await waits for the nodes. A minority may be lost, or not come to the end with the others: it is told, and the run is what
// the others made of it.
func (r *upRun) await(ended <-chan ending, p *progress) error {
	var late <-chan time.Time
	out := map[string]bool{}
	lost := 0
	for len(out) < len(r.cluster.Nodes) {
		select {
		case e := <-ended:
			out[e.node] = true
			var given *lostError
			switch {
			case e.err == nil && late == nil:
				late = time.After(stragglers)
			case errors.As(e.err, &given) && 2*(lost+1) < len(r.cluster.Nodes):
				lost++
				p.note("the run goes on without " + e.err.Error())
			case e.err != nil:
				return e.err
			}
		case <-late:
			for _, n := range r.cluster.Nodes {
				if !out[n.ID] {
					p.note(fmt.Sprintf("%s did not come to the end with the others: %s says why", n.ID, r.all.log(n.ID)))
				}
			}
			return nil
		}
	}
	return nil
}

// watchEvery is how often the cluster is asked how far it is.
const watchEvery = 250 * time.Millisecond

// clusterFile says where a run's processes are, for who looks for them.
type clusterFile struct {
	HTTP []string       `json:"http"`
	PIDs map[string]int `json:"pids"`
}

// watch keeps cluster.json and the progress up to date.
func (r *upRun) watch(ctx context.Context, p *progress) {
	var at clusterFile
	for _, n := range r.cluster.Nodes {
		at.HTTP = append(at.HTTP, "http://"+n.HTTPAddr())
	}
	asker := coordinator.NewAsker(at.HTTP, "", nil)
	defer asker.Close()
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		at.PIDs = r.all.running()
		if text, err := json.Marshal(at); err == nil {
			_ = atomicfile.Swap(filepath.Join(r.dir, "cluster.json"), append(text, '\n'))
		}
		if s, err := asker.Status(ctx); err == nil {
			p.say(s.Done, func() string { return clusterLine(s) })
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// collect puts the record of one node into the run's folder and removes what only a run that goes on needs.
func (r *upRun) collect() (record.Summary, error) {
	if err := r.agree(); err != nil {
		return record.Summary{}, err
	}
	var last error
	for _, n := range r.cluster.Nodes {
		from := filepath.Join(r.dir, "nodes", n.ID)
		if _, err := os.Stat(filepath.Join(from, "run", "summary.json")); err != nil {
			last = err
			continue
		}
		if err := record.Move(filepath.Join(from, "run"), r.dir); err != nil {
			return record.Summary{}, err
		}
		if err := r.collectLogs(); err != nil {
			return record.Summary{}, err
		}
		loaded, err := record.Open(r.dir)
		if err != nil {
			return record.Summary{}, err
		}
		if err := record.WriteReport(filepath.Join(r.dir, "report.html"), []*record.Loaded{loaded}, nil); err != nil {
			return record.Summary{}, err
		}
		if r.Keep {
			return loaded.Summary, nil
		}
		return loaded.Summary, errors.Join(os.RemoveAll(filepath.Join(r.dir, "nodes")), os.RemoveAll(filepath.Join(r.dir, "workers")),
			os.Remove(filepath.Join(r.dir, "cluster.json")))
	}
	return record.Summary{}, fmt.Errorf("no node left a record: %w", last)
}

// agree wants one model of all nodes that came to the end of the run.
func (r *upRun) agree() error {
	digest, first := "", ""
	for _, n := range r.cluster.Nodes {
		run, err := record.Open(filepath.Join(r.dir, "nodes", n.ID, "run"))
		switch {
		case err != nil || run.Summary.ModelDigest == "":
			continue // it did not come to the end
		case digest == "":
			digest, first = run.Summary.ModelDigest, n.ID
		case digest != run.Summary.ModelDigest:
			return fmt.Errorf("the nodes do not hold one model: %s has %.12s, %s has %.12s", first, digest, n.ID, run.Summary.ModelDigest)
		}
	}
	return nil
}

// collectLogs keeps the logs that the nodes recorded, of all of them: one that was sent a snapshot has a gap.
func (r *upRun) collectLogs() error {
	if r.Record == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Join(r.dir, "ledger"), 0o777); err != nil {
		return err
	}
	for _, n := range r.cluster.Nodes {
		if err := os.Rename(filepath.Join(r.dir, "nodes", n.ID, "ledger"), filepath.Join(r.dir, "ledger", n.ID)); err != nil {
			return err
		}
	}
	return nil
}
