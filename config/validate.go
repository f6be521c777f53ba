package config

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"weir/aggregate"
	"weir/compress"
	"weir/selection"
	"weir/staleness"
)

// Bounds that keep a slip of the keyboard from asking for all the memory there is.
const (
	maxClients   = 10_000_000
	maxDim       = 1 << 28 // parameters of one vector: 1 GiB of float32
	maxWidth     = 1 << 16
	maxLayers    = 16
	maxBatch     = 1 << 20
	maxRounds    = 1_000_000_000 // versions, steps, epochs
	maxSeconds   = 1e9           // 30 years
	maxNodes     = 9
	maxNameBytes = 100
)

// datasetFiles are the prefixes that name a file or folder instead of a data set that `weir data list` knows.
var datasetFiles = []string{"libsvm:", "idx:", "text:"}

// check collects the faults of one config.
type check struct {
	Config
	faults []error
}

func (c *check) fault(key, format string, args ...any) {
	c.faults = append(c.faults, c.Fault(key, format, args...))
}

func (c *check) want(ok bool, key, format string, args ...any) {
	if !ok {
		c.fault(key, format, args...)
	}
}

// kind checks that value is one of allowed and reports whether it is.
func (c *check) kind(key, value string, allowed ...string) bool {
	ok := slices.Contains(allowed, value)
	c.want(ok, key, "%s", oneOf(value, allowed))
	return ok
}

func (c *check) between(key string, value, low, high int) {
	c.want(value >= low && value <= high, key, "must be between %d and %d", low, high)
}

// Validate returns every fault of c, each an *Error, or nil.
func (c Config) Validate() error {
	v := &check{Config: c}
	numbers(reflect.ValueOf(c), "", func(key string, value float64) {
		switch {
		case math.IsNaN(value) || math.IsInf(value, 0):
			v.fault(key, "must be a finite number")
		case value < 0 && key != "stop.target.value":
			v.fault(key, "must not be negative")
		}
	})
	if len(v.faults) == 0 {
		v.names()
		v.problem()
		v.clients()
		v.local()
		v.compress()
		v.aggregate()
		v.section("staleness", c.Staleness.Kind, staleness.Kinds(), c.Staleness.Validate())
		v.section("outer", c.Outer.Kind, aggregate.OuterKinds(), c.Outer.Validate())
		v.section("selection", c.Selection.Kind, selection.Kinds(), c.Selection.Validate())
		v.ends()
	}
	return list(v.faults)
}

// section takes over the faults that another package found in its section; each begins with its key.
func (c *check) section(section, kind string, kinds []string, err error) {
	if !c.kind(section+".kind", kind, kinds...) || err == nil {
		return
	}
	faults := []error{err}
	if all, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // only the outermost list is of faults
		faults = all.Unwrap()
	}
	for _, fault := range faults {
		name, problem, _ := strings.Cut(fault.Error(), ": ")
		key := join(section, strings.TrimPrefix(name, section+"."))
		if v, ok := field(reflect.ValueOf(c.Config), key); ok {
			for _, written := range []string{scalarText(v), fmt.Sprintf("%q", scalarText(v))} {
				problem = strings.TrimPrefix(problem, written+": ")
			}
		}
		c.fault(key, "%s", problem)
	}
}

func (c *check) names() {
	ok := c.Name != "" && c.Name != "." && c.Name != ".." && len(c.Name) <= maxNameBytes && !strings.ContainsAny(c.Name, `/\`)
	c.want(ok, "name", "must be fit for a folder's name: not empty, no slashes, at most %d bytes", maxNameBytes)
}

func (c *check) problem() {
	p := c.Problem
	c.kind("problem.kind", p.Kind, "learn", "waterfill", "quadratic", "none")
	switch p.Kind {
	case "learn":
		c.dataset()
		c.model()
		c.partition()
	case "quadratic":
		c.want(p.File != "", "problem.file", "kind quadratic needs a JSON file with A, c and theta0")
	case "waterfill":
		c.want(p.File != "", "problem.file", "kind waterfill needs a JSON file with gain, noise and budget")
		c.want(p.Measured > 0 && p.Measured <= 1, "problem.measured", "must be a share above 0 and at most 1")
		c.ownedBlocks()
	case "none":
		c.between("problem.dim", p.Dim, 0, maxDim)
	}
}

// ownBlocks says whether each client owns a part of the vector that nobody else changes.
func (c Config) ownBlocks() bool { return c.Problem.Kind == "waterfill" }

// ownedBlocks refuses what would break the rule that a client's block is what its last update made it.
func (c *check) ownedBlocks() {
	const why = "where problem.kind is waterfill: "
	c.want(c.Outer.Kind == "sgd", "outer.kind", "must be sgd %san update is a user's answer, not a gradient to be smoothed", why)
	c.want(c.Outer.LR <= 1, "outer.lr", "must be at most 1 %sit is the relaxation", why)
	c.want(c.Aggregate.Alpha <= 1, "aggregate.alpha", "must be at most 1 %sit is a relaxation", why)
	c.want(c.Local.Pipeline == 0, "local.pipeline", "must be 0 %sa user answers from powers that hold its last answer", why)
	c.want(c.Compress.Feedback == "forget", "compress.feedback", "must be forget %swhat was left out is in the next difference already", why)
}

func (c *check) dataset() {
	name := c.Problem.Dataset
	kind, path, isFile := strings.Cut(name, ":")
	switch {
	case name == "":
		c.fault("problem.dataset", "must be synthetic, a name that `weir data list` shows, libsvm:PATH, idx:DIR or text:PATH")
	case isFile:
		c.want(slices.Contains(datasetFiles, kind+":") && path != "", "problem.dataset", "must be libsvm:PATH, idx:DIR or text:PATH")
	}
}

func (c *check) model() {
	m := c.Problem.Model
	c.kind("problem.model.kind", m.Kind, "logistic", "mlp", "cnn", "char")
	c.kind("problem.model.activation", m.Activation, "relu", "selu")
	if m.Kind == "mlp" || m.Kind == "char" {
		c.want(len(m.Hidden) >= 1 && len(m.Hidden) <= maxLayers, "problem.model.hidden", "must list the widths of 1 to %d hidden layers, such as [64]", maxLayers)
		for i, width := range m.Hidden {
			c.between(fmt.Sprintf("problem.model.hidden[%d]", i), width, 1, maxWidth)
		}
	}
	if m.Kind == "char" {
		c.between("problem.model.context", m.Context, 1, maxWidth)
		c.between("problem.model.embedding", m.Embedding, 1, maxWidth)
	}
}

func (c *check) partition() {
	p := c.Problem.Partition
	c.kind("problem.partition.kind", p.Kind, "iid", "dirichlet", "shards", "sorted", "natural", "file")
	switch p.Kind {
	case "dirichlet":
		c.want(p.Alpha > 0, "problem.partition.alpha", "must be above 0 (0.1 is very skewed, 100 is nearly iid)")
	case "shards":
		c.between("problem.partition.shards", p.Shards, 1, maxClients)
	case "file":
		c.want(p.File != "", "problem.partition.file", "kind file needs a JSON list of sample numbers for each client")
	}
}

func (c *check) clients() {
	k := c.Clients
	c.between("clients.count", k.Count, 1, maxClients)
	if k.Concurrency > k.Count {
		c.fault("clients.concurrency", "more in flight than clients: must be at most clients.count, which is %d (0 means all)", k.Count)
	} else if c.Selection.Kind == "all" {
		c.want(k.Concurrency == 0 || k.Concurrency == k.Count, "clients.concurrency", "selection all keeps every client at work: must be %d or left out", k.Count)
	}
	c.want(k.Dropout <= 1, "clients.dropout", "must be a chance between 0 and 1")
	if len(k.Durations) > 0 {
		c.want(len(k.Durations) == k.Count, "clients.durations", "has %d durations for %d clients: there must be one for each", len(k.Durations), k.Count)
		for i, d := range k.Durations {
			c.want(d > 0 && d <= maxSeconds, fmt.Sprintf("clients.durations[%d]", i), "must be a number of seconds above 0, at most %g", float64(maxSeconds))
		}
		return
	}
	s := k.Speed
	c.kind("clients.speed.kind", s.Kind, "fixed", "uniform", "lognormal", "two-class")
	c.want(s.Median > 0, "clients.speed.median", "must be longer than zero (try 1s)")
	switch s.Kind {
	case "uniform":
		c.want(s.Spread < 1, "clients.speed.spread", "must be below 1: the fastest client takes median*(1-spread)")
	case "lognormal":
		c.want(s.Sigma <= 5, "clients.speed.sigma", "must be at most 5 (1 spreads clients over a factor of 100)")
	case "two-class":
		c.want(s.Slow <= 1, "clients.speed.slow", "must be a share between 0 and 1")
		c.want(s.Factor >= 1 && s.Factor <= 1e6, "clients.speed.factor", "must be between 1 and 1000000")
	}
}

func (c *check) local() {
	l := c.Local
	c.kind("local.optimizer", l.Optimizer, "sgd")
	c.want(l.LR > 0, "local.lr", "must be above 0 (try 0.05)")
	c.want(l.Momentum < 1, "local.momentum", "must be below 1")
	c.between("local.batch", int(l.Batch), 0, maxBatch)
	c.want(l.Epochs <= maxRounds, "local.epochs", "must be at most %d", maxRounds)
	c.between("local.steps", l.Steps, 0, maxRounds)
	switch positive := count(l.Epochs > 0, l.Steps > 0, l.Budget > 0); {
	case positive == 0:
		c.fault(c.firstSet("local.epochs", "local.steps", "local.budget"), "a round needs some work: must be above 0")
	case positive > 1:
		c.fault("local", "must have one of epochs, steps and budget, not several")
	}
	c.pipeline()
}

// pipeline checks what a pipeline needs. Clients that work ahead are never without work, so there is nobody to choose
// from, and who vanishes in the middle of two rounds is left to the cluster.
func (c *check) pipeline() {
	l := c.Local
	c.between("local.pipeline", l.Pipeline, 0, 1)
	c.kind("local.start", l.Start, "newest", "predicted")
	if l.Pipeline == 0 {
		c.want(l.Start != "predicted", "local.start", "must be newest without a pipeline: nothing is on its way when a round starts")
		return
	}
	why := "with local.pipeline 1"
	if !c.written("local.pipeline") {
		why = "with aggregate.kind co2, unless local.pipeline is 0"
	}
	c.want(c.InFlight() == c.Clients.Count, "clients.concurrency", "clients work without a break %s: must be 0, which means all", why)
	c.want(c.Clients.Dropout == 0, "clients.dropout", "clients work without a break %s: must be 0", why)
	if l.Start == "predicted" {
		c.want(c.Aggregate.Kind == "co2" || c.Aggregate.Kind == "fedavg", "local.start", "must be newest where aggregate.kind is %s: only of a round with everybody can a client know what it will come to", c.Aggregate.Kind)
		c.want(c.Outer.Predicts(), "outer.kind", "must be co2 or sgd with local.start predicted: a client plays the server's optimiser forward")
	}
}

// written reports whether the config sets key itself.
func (c *check) written(key string) bool { return c.origin != nil && c.isSet(key) }

// firstSet is the first of keys that the config sets, or else the first.
func (c *check) firstSet(keys ...string) string {
	for _, key := range keys {
		if c.written(key) {
			return key
		}
	}
	return keys[0]
}

func count(conditions ...bool) int {
	n := 0
	for _, c := range conditions {
		if c {
			n++
		}
	}
	return n
}

func (c *check) compress() {
	c.section("compress", c.Compress.Kind, compress.Kinds(), c.Compress.Validate())
	c.kind("compress.feedback", c.Compress.Feedback, compress.Feedbacks()...)
	if c.Compress.Mean() {
		c.want(c.Aggregate.Kind == "fedavg", "compress.memory", "must be per-client where aggregate.kind is %s: the server's mean is applied whole at every version, which is made for rounds", c.Aggregate.Kind)
		w := c.Aggregate.Weights
		c.want(w != "identical" && w != "score", "compress.memory", "must be per-client where aggregate.weights is %s: the mean weighs by share", w)
	}
	c.want(!c.Selection.AdaptDensity || c.Compress.Kind == "topk" || c.Compress.Kind == "blocktopk", "selection.adapt_density", "needs compress.kind topk or blocktopk, which can send less than compress.density")
	c.section("compress.down", c.Compress.Down.Kind, compress.Kinds(), c.Compress.Down.Config().Validate())
}

func (c *check) aggregate() {
	a := c.Aggregate
	c.kind("aggregate.kind", a.Kind, aggregate.Kinds()...)
	c.kind("aggregate.weights", a.Weights, aggregate.Weightings()...)
	if c.ownBlocks() {
		c.want(a.Weights == "block", "aggregate.weights", "must be block where problem.kind is waterfill: each client owns its part of the vector")
	} else {
		c.want(a.Weights != "block", "aggregate.weights", "must be share, identical or unbiased where problem.kind is %s: all clients change all of the vector", c.Problem.Kind)
	}
	switch a.Kind {
	case "fedasync":
		c.want(a.Alpha > 0 && a.Alpha <= 1, "aggregate.alpha", "must be in (0, 1] (try 0.6)")
	case "fedbuff":
		c.between("aggregate.size", a.Size, 1, c.Clients.Count)
	case "fedfix":
		c.want(a.Window.Median || a.Window.Time > 0, "aggregate.window", "must be longer than zero (try 30s, or median)")
	}
	if a.Weights == "unbiased" {
		c.want(a.WeightCap >= 1, "aggregate.weight_cap", "must be at least 1 (try 10)")
	}
}

func (c *check) ends() {
	s := c.Stop
	c.want(s.Versions > 0 || s.Time > 0 || s.Target.Metric != "", "stop", "a run needs an end: set stop.versions, stop.time or stop.target")
	c.between("stop.versions", s.Versions, 0, maxRounds)
	if s.Target.Metric != "" {
		c.kind("stop.target.metric", s.Target.Metric, "loss", "train_loss", "test_accuracy", "validation_accuracy", "grad_norm", "sum_rate", "residual")
	}
	c.between("evaluate.every", c.Evaluate.Every, 1, maxRounds)
	if c.kind("evaluate.split", c.Evaluate.Split, "test", "validation") && c.Evaluate.Split == "validation" && c.Problem.Kind == "learn" {
		p := c.Problem.Partition.Kind
		c.want(p != "natural" && p != "file", "evaluate.split", "must be test where the partition is %s, which deals all training data", p)
	}
	c.between("coordinator.nodes", c.Coordinator.Nodes, 1, maxNodes)
	c.between("coordinator.checkpoint_every", c.Coordinator.CheckpointEvery, 1, maxRounds)
}
