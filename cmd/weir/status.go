package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"unicode"

	"weir/coordinator"
	"weir/keys"
)

// askFlags say which cluster is asked, and with which credentials.
type askFlags struct {
	At        []string `placeholder:"URL" help:"Where nodes show themselves, such as http://10.0.0.1:8080. The first that answers is believed."`
	Dir       string   `placeholder:"RUN" help:"The folder of a run that weir up is running on this machine."`
	Keys      string   `placeholder:"DIR" help:"The operator's or a node's folder of keys, as weir keys made it: for nodes with TLS."`
	TokenFile string   `placeholder:"F" help:"The file with the token to show, instead of the one in --keys."`
}

// asker is ready to ask whom the flags name.
func (f askFlags) asker() (*coordinator.Asker, error) {
	urls, err := f.urls()
	if err != nil {
		return nil, err
	}
	var token string
	var trust *tls.Config
	if f.Keys != "" {
		folder, err := keys.Load(f.Keys)
		if err != nil {
			return nil, usage("--keys: %v", err)
		}
		token, trust = folder.Token, folder.Client()
	}
	if f.TokenFile != "" {
		text, err := os.ReadFile(f.TokenFile)
		if err != nil {
			return nil, usage("--token-file: %v", err)
		}
		token = strings.TrimSpace(string(text))
	}
	return coordinator.NewAsker(urls, token, trust), nil
}

// urls are where the nodes are.
func (f askFlags) urls() ([]string, error) {
	switch {
	case f.Dir != "" && len(f.At) > 0:
		return nil, usage("--dir names a run on this machine, --at nodes anywhere: give one of them")
	case f.Dir != "":
		return readCluster(f.Dir)
	case len(f.At) == 0:
		return nil, usage("which cluster? --dir RUN for one that weir up started here, --at URL for any other")
	}
	var urls []string
	for _, at := range f.At {
		if !strings.Contains(at, "://") {
			at = "http://" + at
		}
		urls = append(urls, strings.TrimRight(at, "/"))
	}
	return urls, nil
}

// readCluster reads where the nodes of a run on this machine are.
func readCluster(dir string) ([]string, error) {
	path := filepath.Join(dir, "cluster.json")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(dir, "summary.json")); err == nil {
			return nil, usage("%s: that run is over: weir report %s shows what it came to", dir, dir)
		}
		return nil, usage("%s: no cluster runs there: want the folder of a run that weir up is running", dir)
	}
	if err != nil {
		return nil, err
	}
	var c clusterFile
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(c.HTTP) == 0 {
		return nil, fmt.Errorf("%s: names no node", path)
	}
	return c.HTTP, nil
}

// explain says what to do about an answer that did not come.
func explain(err error) error {
	if errors.Is(err, coordinator.ErrToken) {
		return fmt.Errorf("%w\n(--token-file names it: http.token in the operator's or a node's folder of keys)", err)
	}
	return err
}

type statusCmd struct {
	askFlags
	JSON bool `name:"json" help:"Print everything as JSON."`
}

func (statusCmd) Help() string {
	return `Says which version a cluster is at, who leads it, and how its nodes and clients are. Any node can be asked: a node that
does not answer is passed over, and shown as gone by the others.

Examples:
  weir status --dir runs/quickstart-1
  weir status --at http://127.0.0.1:8080 --json
  weir status --at https://10.0.0.1:8080 --at https://10.0.0.2:8080 --keys keys/operator`
}

// Run asks once.
func (c *statusCmd) Run(ctx context.Context, term terminal) error {
	asker, err := c.asker()
	if err != nil {
		return err
	}
	defer asker.Close()
	s, err := asker.Status(ctx)
	if err != nil {
		return explain(err)
	}
	if c.JSON {
		return printJSON(term.out, s)
	}
	return printStatus(term.out, s)
}

// printStatus prints a status for people.
func printStatus(out io.Writer, s coordinator.Status) error {
	lines := append([]string{printable(s.Run + ": " + headline(s)), ""}, columns(nodeRows(s))...)
	lines = append(append(lines, ""), columns(clientRows(s))...)
	_, err := fmt.Fprintln(out, strings.Join(lines, "\n"))
	return err
}

// columns lays rows out below each other.
func columns(rows [][]string) []string {
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			if i > 0 {
				fmt.Fprint(table, "\t")
			}
			fmt.Fprint(table, printable(cell))
		}
		fmt.Fprintln(table)
	}
	_ = table.Flush() // to memory
	return strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")
}

// printable keeps what came over the network from moving the cursor.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
}

// headline is where the run is, in one line.
func headline(s coordinator.Status) string {
	switch {
	case s.Stopped != "":
		return fmt.Sprintf("over (%s) after version %d, %s", s.Stopped, s.Version, seconds(s.Time))
	case s.Leader != "" && s.Waiting == 0:
		return fmt.Sprintf("%.0f%%  %s", 100*s.Done, clusterLine(s))
	}
	return clusterLine(s)
}

func nodeRows(s coordinator.Status) [][]string {
	rows := [][]string{{"NODE", "ROLE", "VERSION", "DIGEST", "LEADER HEARD", "PID", "HTTP"}}
	for _, n := range s.Nodes {
		digest, heard := "-", "-"
		if n.Digest != "" {
			digest = fmt.Sprintf("%.12s of %d", n.Digest, n.DigestAt)
		}
		if n.Role == "follower" && n.LastContact >= 0 {
			heard = seconds(float64(n.LastContact)/1e3) + " ago"
		}
		rows = append(rows, []string{n.ID, n.Role, fmt.Sprint(n.Version), digest, heard, fmt.Sprint(n.PID), n.HTTP})
	}
	return rows
}

func clientRows(s coordinator.Status) [][]string {
	rows := [][]string{{"CLIENT", "STATE", "WORKER", "STALENESS", "UPDATES", "LOSS", "BLOCKED"}}
	for _, c := range s.Clients {
		worker, loss := c.Worker, "-"
		if worker == "" {
			worker = "-"
		}
		if c.LastLoss.Finite() {
			loss = figure(float64(c.LastLoss))
		}
		rows = append(rows, []string{
			fmt.Sprint(c.ID), c.State, worker, fmt.Sprint(c.Staleness), fmt.Sprint(c.Updates), loss, fmt.Sprintf("%.1f%%", 100*float64(c.Blocked)),
		})
	}
	return rows
}
