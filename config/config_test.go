package config

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// read loads text as if it stood in x.yaml.
func read(t *testing.T, text string, sets ...string) (Config, error) {
	t.Helper()
	return load("x.yaml", []byte(text), sets)
}

func TestFaultsSayWhereAndWhatWouldBeRight(t *testing.T) {
	for _, test := range []struct {
		name, text string
		sets       []string
		want       string
	}{
		{"unknown key", "seeed: 3", nil, `x.yaml:1: seeed: unknown key (did you mean seed?)`},
		{"unknown key below", "aggregate:\n  kind: fedfix\n  windwo: 3s", nil, `x.yaml:3: aggregate.windwo: unknown key (did you mean window?)`},
		{"key of another section", "clients: {window: 3s}", nil, `x.yaml:1: clients.window: unknown key here (did you mean aggregate.window?)`},
		{"nothing is near", "evaluate: {banana: 1}", nil, `x.yaml:1: evaluate.banana: unknown key; evaluate has every, split`},
		{"wrong type", "clients:\n  count: ten", nil, `x.yaml:2: clients.count: "ten": must be a whole number`},
		{"fraction for a count", "clients: {count: 1.5}", nil, `x.yaml:1: clients.count: "1.5": must be a whole number`},
		{"quoted number", "clients: {count: '5'}", nil, `x.yaml:1: clients.count: "5": must be a whole number`},
		{"too large to hold", "clients: {count: 99999999999999999999}", nil, `x.yaml:1: clients.count: "99999999999999999999": must be a whole number`},
		{"list for a value", "seed: [1]", nil, `x.yaml:1: seed: must be a single value, not a list or a section`},
		{"value for a section", "local: 3", nil, `x.yaml:1: local: "3": must be a section with the keys optimizer, lr, momentum, weight_decay, clip, batch, epochs, steps, budget, prox, pipeline, start`},
		{"value for a list", "clients: {durations: 3}", nil, `x.yaml:1: clients.durations: "3": must be a list such as [1, 2]`},
		{"element of a list", "problem: {model: {hidden: [8, x]}}", nil, `x.yaml:1: problem.model.hidden[1]: "x": must be a whole number`},
		{"empty value", "name:\nseed: 1", nil, `x.yaml:1: name: has no value`},
		{"set twice", "seed: 1\nname: a\nseed: 2", nil, `x.yaml:3: seed: is set twice, first on line 1`},
		{"anchor", "seed: &s 1", nil, `x.yaml:1: seed: anchors, aliases and tags are not part of a config: write the value itself`},
		{"not YAML", "seed: 1\nclients: [", nil, `x.yaml:2: is not YAML: sequence end token ']' not found`},
		{"two documents", "seed: 1\n---\nseed: 2", nil, `x.yaml:3: a config is one document: nothing may follow the line ---`},
		{"deep", strings.Repeat("[", 1_000_000), nil, `x.yaml: is nested more than 64 deep`},
		{"not a number", "local: {lr: .nan}", nil, `x.yaml:1: local.lr: ".nan": must be a number`},
		{"NaN", "local: {lr: NaN}", nil, `x.yaml:1: local.lr: "NaN": must be a finite number`},
		{"infinite", "clients: {durations: [1, Inf]}", nil, `x.yaml:1: clients.durations[1]: "Inf": must be a finite number`},
		{"negative", "clients: {dropout: -0.1}", nil, `x.yaml:1: clients.dropout: "-0.1": must not be negative`},
		{"duration without a unit", "clients: {away: 10}", nil, `x.yaml:1: clients.away: "10": must be a duration such as 500ms, 30s or 2h`},
		{"bytes for bits", "clients: {link: {up: 10MB}}", nil, `x.yaml:1: clients.link.up: "10MB": must be a bandwidth in bits a second such as 10Mbit or 1Gbit, or 0 for unlimited`},

		{"window of nothing", "aggregate:\n  kind: fedfix\n  window: 0s", nil, `x.yaml:3: aggregate.window: "0s": must be longer than zero (try 30s, or median)`},
		{"unknown kind", "aggregate: {kind: fedfx}", nil, `x.yaml:1: aggregate.kind: "fedfx": must be one of fedavg, fedasync, fedbuff, fedfix, co2 (did you mean fedfix?)`},
		{"unknown data set", "problem: {dataset: 'csv:x'}", nil, `x.yaml:1: problem.dataset: "csv:x": must be libsvm:PATH, idx:DIR or text:PATH`},
		{"dirichlet alpha", "problem: {partition: {alpha: 0}}", nil, `x.yaml:1: problem.partition.alpha: "0": must be above 0 (0.1 is very skewed, 100 is nearly iid)`},
		{"fedasync alpha", "aggregate: {kind: fedasync, alpha: 0}", nil, `x.yaml:1: aggregate.alpha: "0": must be in (0, 1] (try 0.6)`},
		{"in flight", "clients: {count: 5, concurrency: 6}", nil, `x.yaml:1: clients.concurrency: "6": more in flight than clients: must be at most clients.count, which is 5 (0 means all)`},
		{"fedbuff size", "clients: {count: 5}\naggregate: {kind: fedbuff, size: 6}", nil, `x.yaml:2: aggregate.size: "6": must be between 1 and 5`},
		{"file of a quadratic", "problem:\n  kind: quadratic", nil, `x.yaml:1: problem.file: kind quadratic needs a JSON file with A, c and theta0`},
		{"a duration for each", "clients: {count: 3, durations: [1, 2]}", nil, `x.yaml:1: clients.durations: has 2 durations for 3 clients: there must be one for each`},
		{"durations and speed", "clients:\n  durations: [1]\n  speed: {kind: fixed}", nil, `x.yaml:3: clients.speed: is set beside clients.durations: keep one of the two`},
		{"epochs and steps", "local:\n  epochs: 1\n  steps: 3", nil, `x.yaml:3: local.steps: is set beside local.epochs: keep one of the two`},
		{"no work", "local: {steps: 0}", nil, `x.yaml:1: local.steps: "0": a round needs some work: must be above 0`},
		{"no end", "stop: {versions: 0}", nil, `x.yaml:1: stop: a run needs an end: set stop.versions, stop.time or stop.target`},
		{"fault of another package", "outer: {kind: sgd, lr: 0}", nil, `x.yaml:1: outer.lr: "0": must be above 0`},
		{"selection", "selection: {kind: hetroselect}", nil, `x.yaml:1: selection.kind: "hetroselect": must be one of random, all, size, powerofchoice, oort, heteroselect (did you mean heteroselect?)`},
		{"a component's weight", "selection: {kind: heteroselect, weights: {value: -1}}", nil, `x.yaml:1: selection.weights.value: "-1": must not be negative`},
		{"cold", "selection: {kind: heteroselect, temperature: 0}", nil, `x.yaml:1: selection.temperature: "0": must be at least 0.01`},
		{"density of a dense update", "selection: {kind: heteroselect, adapt_density: true}", nil, `x.yaml:1: selection.adapt_density: "true": needs compress.kind topk or blocktopk, which can send less than compress.density`},
		{"split", "evaluate: {split: train}", nil, `x.yaml:1: evaluate.split: "train": must be one of test, validation`},
		{"split of a file", "evaluate: {split: validation}\nproblem: {partition: {kind: file, file: p.json}}", nil, `x.yaml:1: evaluate.split: "validation": must be test where the partition is file, which deals all training data`},
		{"a name with a slash", "name: a/b", nil, `x.yaml:1: name: "a/b": must be fit for a folder's name: not empty, no slashes, at most 100 bytes`},

		{"who works ahead is never free", "clients: {count: 5, concurrency: 3}\nlocal: {pipeline: 1}", nil, `x.yaml:1: clients.concurrency: "3": clients work without a break with local.pipeline 1: must be 0, which means all`},
		{"co2 works ahead", "aggregate: {kind: co2}\nclients: {dropout: 0.1}", nil, `x.yaml:2: clients.dropout: "0.1": clients work without a break with aggregate.kind co2, unless local.pipeline is 0: must be 0`},
		{"two rounds ahead", "local: {pipeline: 2}", nil, `x.yaml:1: local.pipeline: "2": must be between 0 and 1`},
		{"prediction of nothing", "local: {start: predicted}", nil, `x.yaml:1: local.start: "predicted": must be newest without a pipeline: nothing is on its way when a round starts`},
		{"prediction of a part", "aggregate: {kind: fedfix}\nlocal: {start: predicted, pipeline: 1}", nil, `x.yaml:2: local.start: "predicted": must be newest where aggregate.kind is fedfix: only of a round with everybody can a client know what it will come to`},
		{"prediction of adam", "aggregate: {kind: co2}\nlocal: {start: predicted}\nouter: {kind: adam}", nil, `x.yaml:3: outer.kind: "adam": must be co2 or sgd with local.start predicted: a client plays the server's optimiser forward`},
		{"a phi of 0", "outer: {kind: co2, phi: 0}", nil, `x.yaml:1: outer.phi: "0": must be a number above 0, or relative`},
		{"an unknown penalty", "outer: {kind: co2, penalty: gap}", nil, `x.yaml:1: outer.penalty: "gap": must be one of [constant gap-elementwise gap-norm]`},

		{"set", "", []string{"aggregate.window=0s"}, `--set aggregate.window=0s: must be longer than zero (try 30s, or median)`},
		{"set, unknown", "", []string{"aggregate.wndow=1s"}, `--set aggregate.wndow=1s: unknown key (did you mean window?)`},
		{"set, below a value", "", []string{"seed.x=1"}, `--set seed.x=1: unknown key; seed has no keys below it`},
		{"set, a section", "", []string{"aggregate={kind: fedfix, window: 0s}"}, `--set aggregate={kind: fedfix, window: 0s}: aggregate.window: must be longer than zero (try 30s, or median)`},
		{"set, no value", "", []string{"seed="}, `--set seed=: has no value`},
		{"set, no key", "", []string{"seed"}, `--set seed: must be key=value, such as stop.versions=10`},
		{"set, wrong type", "seed: 1", []string{"seed=x"}, `--set seed=x: must be a whole number that is not negative`},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := read(t, test.text, test.sets...)
			if err == nil {
				t.Fatalf("no fault found, want %s", test.want)
			}
			if diff := cmp.Diff(test.want, err.Error()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			var fault *Error
			if !errors.As(err, &fault) {
				t.Errorf("%T is no *Error", err)
			}
		})
	}
}

func TestEveryFaultIsListedByLine(t *testing.T) {
	_, err := read(t, "stop: {versions: 0}\nlocal: {lr: 0}\nclients: {count: 5, concurrency: 6}", "outer.lr=0")
	want := []string{"x.yaml:1: stop:", "x.yaml:2: local.lr:", "x.yaml:3: clients.concurrency:", "--set outer.lr=0:"}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != len(want) {
		t.Fatalf("got %d faults, want %d:\n%v", len(lines), len(want), err)
	}
	for i, line := range lines {
		if !strings.HasPrefix(line, want[i]) {
			t.Errorf("fault %d is %s, want %s", i, line, want[i])
		}
	}
}

func TestDefaultsFollowFromWhatIsSet(t *testing.T) {
	for _, test := range []struct {
		name, text string
		sets       []string
		check      func(Config) bool
	}{
		{"nothing set", "", nil, func(c Config) bool { return c.Name == "x" && c.Clients.Count == 100 && c.Aggregate.Window.Median }},
		{"steps replace epochs", "local: {steps: 5}", nil, func(c Config) bool { return c.Local.Steps == 5 && c.Local.Epochs == 0 }},
		{"a later choice replaces an earlier one", "local: {steps: 5}", []string{"local.budget=2s"}, func(c Config) bool {
			return c.Local.Steps == 0 && c.Local.Epochs == 0 && c.Local.Budget.Seconds() == 2
		}},
		{"durations count the clients", "clients: {durations: [1, 2, 3]}", nil, func(c Config) bool {
			return c.Clients.Count == 3 && c.Clients.Concurrency == 3 && c.Clients.Speed == Speed{}
		}},
		{"speed replaces durations", "clients: {durations: [1, 2], count: 2}", []string{"clients.speed.kind=fixed"}, func(c Config) bool {
			return c.Clients.Durations == nil && c.Clients.Speed.Kind == "fixed" && c.Clients.Speed.Median.Seconds() == 1
		}},
		{"few clients are all in flight", "clients: {count: 4}", nil, func(c Config) bool { return c.Clients.Concurrency == 4 }},
		{"all selects all", "selection: {kind: all}", nil, func(c Config) bool { return c.Clients.Concurrency == 100 }},
		{"a time bound alone", "stop: {time: 2h}", nil, func(c Config) bool { return c.Stop.Versions == 0 }},
		{"nesterov is DiLoCo's", "outer: {kind: nesterov}", nil, func(c Config) bool { return c.Outer.LR == 0.7 && c.Outer.Momentum == 0.9 }},
		{"a rate that is set stays", "outer: {kind: nesterov, lr: 0.5}", nil, func(c Config) bool { return c.Outer.LR == 0.5 && c.Outer.Momentum == 0.9 }},
		{"exponents need no dot", "local: {lr: 1e-3}", nil, func(c Config) bool { return c.Local.LR == 1e-3 }},
		{"a sparse compressor makes up for what it leaves out", "compress: {kind: topk}", nil, func(c Config) bool {
			return c.Compress.Feedback == "ec" && c.Compress.Values == "int4" && c.Compress.Density == 0.03
		}},
		{"in rounds with the server's mean memory", "compress: {kind: topk}\naggregate: {kind: fedavg}", nil, func(c Config) bool {
			return c.Compress.Feedback == "econtrol" && c.Compress.Memory == "mean"
		}},
		{"unless it is told otherwise", "compress: {kind: topk, k: 7, feedback: none, values: bf16}", nil, func(c Config) bool {
			return c.Compress.Feedback == "none" && c.Compress.Values == "bf16" && c.Compress.K == 7
		}},
		{"co2 brings its step and the delay", "aggregate: {kind: co2}\nclients: {count: 50}", nil, func(c Config) bool {
			return c.Outer.Kind == "co2" && c.Outer.LR == 0.7 && c.Outer.Momentum == 0.2 && c.Outer.Penalty == "gap-norm" &&
				c.Local.Pipeline == 1 && c.Clients.Concurrency == 50
		}},
		{"co2 without the delay is SlowMo", "aggregate: {kind: co2}\nlocal: {pipeline: 0}", nil, func(c Config) bool {
			return c.Local.Pipeline == 0 && c.Clients.Concurrency == 10
		}},
		{"full batch", "local: {batch: full}", nil, func(c Config) bool { return c.Local.Batch == 0 }},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := read(t, test.text, test.sets...)
			if err != nil {
				t.Fatal(err)
			}
			if !test.check(c) {
				t.Errorf("got\n%s", c.YAML())
			}
		})
	}
}

func TestYAMLLoadsBackToTheSameConfig(t *testing.T) {
	for _, text := range []string{
		"",
		"name: 'null'\nseed: 18446744073709551615",
		"local: {steps: 5, batch: full, lr: 1e-9}\nclients: {durations: [1, 2.5, 1e-3]}",
		"clients: {speed: {kind: two-class}, link: {up: 1.5Mbit, down: 56kbit, latency: 40ms}}",
		"problem: {kind: none, dim: 7}\nstop: {versions: 0, target: {metric: loss, value: -1}}",
		"problem: {dataset: 'libsvm:a b/c', model: {kind: mlp, hidden: [8, 4], activation: selu}}\nouter: {kind: adam}\nstop: {time: 90m}",
		"aggregate: {kind: fedavg, deadline: 3s, weights: share}\nselection: {kind: all}",
		"aggregate: {kind: co2, deadline: 3s}\nouter: {phi: 0.25, clip: norm}\nlocal: {start: predicted}",
	} {
		first, err := read(t, text)
		if err != nil {
			t.Fatal(err)
		}
		again, err := load("other.yaml", first.YAML(), nil)
		if err != nil {
			t.Fatalf("%v\nin\n%s", err, first.YAML())
		}
		if diff := cmp.Diff(string(first.YAML()), string(again.YAML())); diff != "" {
			t.Errorf("%s: (-first +again)\n%s", text, diff)
		}
		if diff := cmp.Diff(first.Local, again.Local) + cmp.Diff(first.Clients, again.Clients) + cmp.Diff(first.Stop, again.Stop); diff != "" {
			t.Errorf("%s: (-first +again)\n%s", text, diff)
		}
	}
}

func TestFilesLieBesideTheConfigThatNamesThem(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "quad.yaml")
	if err := os.WriteFile(path, []byte("problem: {kind: quadratic, file: q.json}"), 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(dir, "q.json"); c.Problem.File != want {
		t.Errorf("a file named in the config is %s, want %s", c.Problem.File, want)
	}
	t.Chdir(t.TempDir())
	c, err = Load(path, []string{"problem.file=q.json"})
	if err != nil {
		t.Fatal(err)
	}
	if want, _ := filepath.Abs("q.json"); c.Problem.File != want {
		t.Errorf("a file named by --set is %s, want %s", c.Problem.File, want)
	}
	if c.Name != "quad" {
		t.Errorf("name is %q, want that of the file", c.Name)
	}
}

func TestFaultOfARunKnowsItsLine(t *testing.T) {
	c, err := read(t, "seed: 1\nproblem:\n  dataset: mnist\n")
	if err != nil {
		t.Fatal(err)
	}
	got := c.Fault("problem.dataset", "is not in %s: %w", "data", os.ErrNotExist)
	if want := `x.yaml:3: problem.dataset: "mnist": is not in data: file does not exist`; got.Error() != want {
		t.Errorf("got %v, want %s", got, want)
	}
	if !errors.Is(got, os.ErrNotExist) {
		t.Error("the cause is lost")
	}
	got = Default().Fault("aggregate.window", "is too short")
	if want := `aggregate.window: "median": is too short`; got.Error() != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

func TestValidateFindsNaNInACodedConfig(t *testing.T) {
	c := Default()
	if err := c.Validate(); err != nil {
		t.Fatalf("the default config: %v", err)
	}
	c.Local.LR = math.NaN()
	if err := c.Validate(); err == nil || err.Error() != `local.lr: "NaN": must be a finite number` {
		t.Errorf("got %v", err)
	}
}

// A warning names the place and what would be right, and keeps nobody from running.
func TestWarnings(t *testing.T) {
	const outside = "momentum + lr is %s: a run that is one round behind is stable up to 0.9 or so (try lr 0.7, momentum 0.2, or local.start predicted)"
	for _, test := range []struct {
		name, text string
		sets       []string
		want       []string
	}{
		{"nothing set", "", nil, nil},
		{"co2 as it comes", "aggregate: {kind: co2}", nil, nil},
		{"outside", "aggregate: {kind: co2}\nouter:\n  lr: 1\n  momentum: 0.9", nil, []string{`x.yaml:3: outer.lr: "1": ` + fmt.Sprintf(outside, "1.9")}},
		{"set outside", "aggregate: {kind: co2}", []string{"outer.momentum=0.5"}, []string{`x.yaml: outer.lr: "0.7": ` + fmt.Sprintf(outside, "1.2")}},
		{"outside without the delay", "aggregate: {kind: co2}\nouter: {lr: 1, momentum: 0.9}\nlocal: {pipeline: 0}", nil, nil},
		{"outside with prediction", "aggregate: {kind: co2}\nouter: {lr: 1, momentum: 0.9}\nlocal: {start: predicted}", nil, nil},
		{"slow", "aggregate: {kind: co2}\nouter: {lr: 0.1, momentum: 0.8}", nil, []string{`x.yaml:2: outer.lr: "0.1": lr/(1 - momentum) is 0.5: a steady direction moves at that share of the pace of averaging (lr 0.2 with this momentum is level)`}},
		{"just fast enough", "aggregate: {kind: co2}\nouter: {lr: 0.4, momentum: 0.5}", nil, nil},
		{"plain averaging, late", "local: {pipeline: 1}", nil, []string{`x.yaml: outer.lr: "1": ` + fmt.Sprintf(outside, "1")}},
	} {
		c, err := read(t, test.text, test.sets...)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, w := range c.Warnings() {
			got = append(got, w.Error())
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", test.name, diff)
		}
	}
}

func TestMissingFile(t *testing.T) {
	_, err := Load("nowhere.yaml", nil)
	if want := "nowhere.yaml: no such file or directory"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// FuzzLoad feeds the decoder text that no one would write: it must answer with a config or with faults.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{"", "seed: 1", "clients: {durations: [1, 2]}", "a: &a [*a]", "? x\n: y", "<<: {a: 1}", "- - - -", "a: |\n  b"} {
		f.Add(seed, "seed=1")
	}
	f.Fuzz(func(t *testing.T, text, set string) {
		c, err := load("x.yaml", []byte(text), []string{set})
		if err != nil {
			if err.Error() == "" {
				t.Error("a fault without words")
			}
			return
		}
		if _, err := load("x.yaml", c.YAML(), nil); err != nil {
			t.Errorf("%v\nin\n%s", err, c.YAML())
		}
	})
}
