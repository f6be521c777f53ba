// Command weir coordinates asynchronous and federated training: `weir --help` says what it can do.
//
// How it talks to people: what was asked for goes to stdout, progress and complaints to stderr. With --json stdout
// holds one JSON document and nothing else. A complaint names what is wrong and what would be right. The exit status
// is 0 when the work is done, 1 when it failed or was interrupted, 2 when the command line or the config is wrong.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"

	"weir/config"
)

const (
	exitDone   = 0
	exitFailed = 1
	exitWrong  = 2
)

// commands is everything that weir can do, one file a command.
type commands struct {
	Sim         simCmd         `cmd:"" help:"Simulate a run on a virtual clock."`
	Up          upCmd          `cmd:"" help:"Run a whole cluster on this machine: real processes, real consensus."`
	Coordinator coordinatorCmd `cmd:"" help:"Run one node of a cluster's coordinator."`
	Worker      workerCmd      `cmd:"" help:"Host clients of a run on a cluster."`
	Nodes       nodesCmd       `cmd:"" help:"Give a running cluster orders: add a node, remove one, stop."`
	Replay      replayCmd      `cmd:"" help:"Rebuild a cluster's run from its log, and check it."`
	Status      statusCmd      `cmd:"" help:"Say what a cluster is doing now."`
	Top         topCmd         `cmd:"" help:"Watch a cluster in the terminal."`
	Waterfill   waterfillCmd   `cmd:"" help:"Find the equilibrium of a power control game, with a certificate."`
	Report      reportCmd      `cmd:"" help:"Lay runs side by side."`
	Data        dataCmd        `cmd:"" help:"List, check and download data sets."`
	Bench       benchCmd       `cmd:"" help:"Measure how fast weir is on this machine."`
	Keys        keysCmd        `cmd:"" help:"Make what the machines of a cluster prove themselves with."`

	Version kong.VersionFlag `help:"Show what this binary was built from."`
}

// terminal is where a command talks to.
type terminal struct {
	out, err io.Writer
}

// usageError is a fault of the command line that its grammar cannot see.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

func usage(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

// errSilent ends a command with status 1 when it has already said why.
var errSilent = errors.New("said")

func main() { os.Exit(run(os.Args[1:], terminal{out: os.Stdout, err: os.Stderr})) }

func run(args []string, term terminal) int {
	var cli commands
	parser := kong.Must(&cli,
		kong.Name("weir"),
		kong.Description("Asynchronous and federated training: simulate it, measure it, look at it.\n\n"+
			"Start with:\n  weir sim configs/quickstart.yaml"),
		kong.Writers(term.out, term.err),
		kong.Vars{"version": version()},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
	)
	parsed, err := parser.Parse(args)
	if err != nil {
		command := "weir"
		if fault := (*kong.ParseError)(nil); errors.As(err, &fault) && fault.Context.Selected() != nil {
			command = fault.Context.Selected().FullPath()
		}
		fmt.Fprintf(term.err, "weir: %v (%s --help shows what there is)\n", err, command)
		return exitWrong
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the first signal ends the work cleanly, the second one kills
	parsed.BindTo(ctx, (*context.Context)(nil))
	return status(parsed.Run(term), term)
}

// status says what went wrong and gives the exit status for it.
func status(err error, term terminal) int {
	var fault *config.Error
	var wrong usageError
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errSilent):
		return exitFailed
	case errors.As(err, &fault):
		fmt.Fprintln(term.err, err) // begins with the file and the line
		return exitWrong
	case errors.As(err, &wrong):
		fmt.Fprintf(term.err, "weir: %v\n", err)
		return exitWrong
	default:
		fmt.Fprintf(term.err, "weir: %v\n", err)
		return exitFailed
	}
}

// printJSON prints one indented JSON document.
func printJSON(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// version is the module's version, or the commit that the binary was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "weir, built without module support"
	}
	settings := make(map[string]string)
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	text := "weir " + info.Main.Version
	if commit := settings["vcs.revision"]; commit != "" {
		text += " commit " + commit
		if settings["vcs.modified"] == "true" {
			text += " with changes"
		}
	}
	return fmt.Sprintf("%s, %s %s/%s", text, info.GoVersion, settings["GOOS"], settings["GOARCH"])
}
