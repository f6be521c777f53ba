package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"text/tabwriter"
	"time"

	"weir/config"
	"weir/keys"
)

type keysCmd struct {
	Make keysMakeCmd `cmd:"" help:"Make a certificate authority, and a folder of keys for each machine."`
	Add  keysAddCmd  `cmd:"" help:"Make what is missing after the cluster has changed, and renew certificates."`
	Show keysShowCmd `cmd:"" help:"Show who has keys, and until when they are good."`
}

func (keysCmd) Help() string {
	return `A cluster that others can reach needs keys. They are made once, on a machine that need not be part of it, and then
copied: one folder to a machine, and no machine needs two. Everything is encrypted. A node has a certificate by which
the other nodes, and everybody who connects, know it. A worker has a key with which it can speak for its own clients and
nobody else's. The operator has a key for orders to the run and a token for the nodes' web pages.

  weir keys make cluster.yaml
  scp -r keys/node-1 10.0.0.1:keys        (and so on: make prints what goes where)
  weir coordinator ... --keys keys         (on 10.0.0.1)

The folder keys/authority stays at home: who has it can make itself part of the cluster.`
}

// keysOut is where the folders are.
type keysOut struct {
	Out  string `default:"keys" placeholder:"DIR" help:"Where the folders are (default: keys)."`
	JSON bool   `name:"json" help:"Print what was made as JSON."`
}

// keysFor is for the commands that make keys for a cluster.
type keysFor struct {
	Cluster string `arg:"" name:"cluster" help:"The cluster file: which nodes and workers there are, and where."`
	keysOut
	Days int `default:"730" help:"How long the certificates of nodes are good (default: 730)."`
}

// maxDays is about how long the authority itself is good.
const maxDays = 3650

func (c keysFor) read() (config.Cluster, time.Duration, error) {
	if c.Days < 1 || c.Days > maxDays {
		return config.Cluster{}, 0, usage("--days: must be between 1 and %d", maxDays)
	}
	cluster, err := config.LoadCluster(c.Cluster)
	return cluster, time.Duration(c.Days) * 24 * time.Hour, err
}

type keysMakeCmd struct{ keysFor }

func (keysMakeCmd) Help() string {
	return `Nothing that exists is overwritten. A cluster file reads:

  nodes:
    - {id: node-1, host: 10.0.0.1}
    - {id: node-2, host: 10.0.0.2}
    - {id: node-3, host: 10.0.0.3}
  workers:
    - {id: worker-1, clients: 0-12}
    - {id: worker-2, clients: "13-20,24"}

Example:
  weir keys make cluster.yaml --out keys`
}

// Run makes keys for everybody.
func (c *keysMakeCmd) Run(term terminal) error {
	cluster, life, err := c.read()
	if err != nil {
		return err
	}
	made, err := keys.Make(c.Out, cluster, life)
	if err != nil {
		return err
	}
	return c.print(term, made)
}

type keysAddCmd struct {
	keysFor
	Renew []string `placeholder:"ID" help:"Make these anew, such as a node whose certificate ends soon."`
}

func (keysAddCmd) Help() string {
	return `Reads the cluster file again. Who is new in it gets a folder; who is no longer in it can no longer connect. Every node
then has a new list of users: copy it over the old one, and restart the nodes, one after the other.

Examples:
  weir keys add cluster.yaml
  weir keys add cluster.yaml --renew node-1`
}

// Run brings the folders in line with the cluster.
func (c *keysAddCmd) Run(term terminal) error {
	cluster, life, err := c.read()
	if err != nil {
		return err
	}
	made, err := keys.Add(c.Out, cluster, life, c.Renew)
	if err != nil {
		return atHome(c.Out, err)
	}
	return c.print(term, made)
}

// atHome says where keys belong when the authority is not there.
func atHome(dir string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return usage("%s: there is no authority here: name the folder that `weir keys make` made with --out (%v)", dir, err)
	}
	return err
}

// print says what was made and where it is to go.
func (c keysFor) print(term terminal, made []keys.Made) error {
	if c.JSON {
		return printJSON(term.out, map[string]any{"authority": filepath.Join(c.Out, "authority"), "folders": made})
	}
	if len(made) == 0 {
		fmt.Fprintln(term.out, "Everybody in the cluster has keys already.")
		return nil
	}
	table := tabwriter.NewWriter(term.out, 0, 0, 2, ' ', 0)
	for _, m := range made {
		what, until := m.Folder, ", good until "+m.Expires.Format(time.DateOnly)
		if m.Changed {
			what, until = filepath.Join(m.Folder, "users.json"), ", in place of the old one; then restart the node"
		}
		where := "copy to " + m.Host
		switch m.Role {
		case keys.Worker:
			where = "copy to the machine of " + m.Name
		case keys.Operator:
			where = "for whoever gives the run orders"
		case keys.Node:
		}
		fmt.Fprintf(table, "%s\t%s%s\n", what, where, until)
	}
	fmt.Fprintf(table, "%s\tstays here: who has it can join the cluster\n", filepath.Join(c.Out, "authority"))
	if err := table.Flush(); err != nil {
		return err
	}
	c.printExample(term.out, made)
	return nil
}

// printExample shows the commands for one node.
func (c keysFor) printExample(out io.Writer, made []keys.Made) {
	for _, m := range made {
		if m.Role == keys.Node && !m.Changed {
			fmt.Fprintf(out, "\nFor example, and each process then gets its own folder with --keys:\n  scp -r %s %s:keys\n", m.Folder, m.Host)
			return
		}
	}
}

type keysShowCmd struct{ keysOut }

// Run lists who has keys.
func (c *keysShowCmd) Run(term terminal) error {
	all, err := keys.List(c.Out)
	if err != nil {
		return atHome(c.Out, err)
	}
	if c.JSON {
		return printJSON(term.out, all)
	}
	table := tabwriter.NewWriter(term.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tROLE\tCLIENTS\tGOOD UNTIL\tKEY")
	for _, l := range all {
		until := "moved away"
		switch {
		case l.Fault != "":
			until = "damaged"
		case l.Folder != "":
			until = l.Expires.Format(time.DateOnly)
		}
		clients := l.Clients.String()
		if clients == "" {
			clients = "-"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", l.Name, l.Role, clients, until, l.Key)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	var faults error
	for _, l := range all {
		if l.Fault != "" {
			faults = errors.Join(faults, errors.New(l.Fault))
		}
	}
	return faults
}
