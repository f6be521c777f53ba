package learn

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"

	"weir/config"
	"weir/problem"
	"weir/problem/learn/dataset"
	"weir/problem/learn/network"
	"weir/problem/learn/partition"
)

// Streams of randomness: each use of the run's seed has its own.
const (
	startStream = iota + 0x1ea41
	partitionStream
	workStream
	splitStream
)

// Problem is a data set, dealt to clients, and a network to be trained on it. It implements problem.Problem[float32].
type Problem struct {
	set     *dataset.Set
	network *network.Network
	deal    *partition.Partition
	seed    uint64
	local   config.Local
	l2      float64
	convex  bool
	metric  string // name of the accuracy
	batch   int    // most samples that a pass takes at once

	evaluators sync.Pool // of *evaluator
}

// Open loads the data set that cfg names, from the folder data if it is known by name, and deals it to the clients.
// Faults are those of Config.Fault.
func Open(cfg config.Config, data string) (*Problem, error) {
	p := &Problem{seed: cfg.Seed, local: cfg.Local, l2: cfg.Problem.L2, convex: cfg.Problem.Model.Kind == "logistic"}
	context := 1
	if cfg.Problem.Model.Kind == "char" {
		context = cfg.Problem.Model.Context
	}
	var err error
	p.set, err = dataset.Open(cfg.Problem.Dataset, dataset.Options{Folder: data, Seed: cfg.Seed, Context: context})
	if err != nil {
		return nil, cfg.Fault("problem.dataset", "%w", err)
	}
	p.metric = "test_accuracy"
	if cfg.Evaluate.Split == "validation" {
		p.set, p.metric = p.set.HoldOut(cfg.Seed, splitStream), "validation_accuracy"
	}
	if p.network, err = model(cfg, p.set); err != nil {
		return nil, err
	}
	if p.deal, err = divide(cfg, p.set); err != nil {
		return nil, err
	}
	largest := 0
	for i := range p.deal.Clients() {
		largest = max(largest, p.deal.Size(i))
	}
	if p.local.Batch > 0 {
		largest = min(largest, int(p.local.Batch))
	}
	p.batch = min(largest, p.network.Chunk())
	return p, nil
}

// model chooses the network for the data.
func model(cfg config.Config, set *dataset.Set) (*network.Network, error) {
	m := cfg.Problem.Model
	activation := network.ReLU
	if m.Activation == "selu" {
		activation = network.SELU
	}
	isText := set.Symbols > 0
	switch {
	case isText != (m.Kind == "char"):
		return nil, cfg.Fault("problem.model.kind", "the data set %s has %s: must be %s", set.Name, set.Unit, modelsFor(isText))
	case m.Kind == "logistic":
		return network.Logistic(set.Features, set.Classes), nil
	case m.Kind == "mlp":
		return network.MLP(set.Features, m.Hidden, set.Classes, activation), nil
	case m.Kind == "char":
		return network.Char(m.Context, set.Symbols, m.Embedding, m.Hidden, activation), nil
	case m.Kind == "cnn" && min(set.Height, set.Width) < network.MinSide:
		return nil, cfg.Fault("problem.model.kind", "needs images of at least %dx%d, which %s has not: try mlp", network.MinSide, network.MinSide, set.Name)
	case m.Kind == "cnn":
		return network.CNN(set.Height, set.Width, set.Classes, activation), nil
	}
	return nil, cfg.Fault("problem.model.kind", "must be one of logistic, mlp, cnn, char")
}

func modelsFor(isText bool) string {
	if isText {
		return "char"
	}
	return "logistic, mlp or cnn"
}

// divide deals the training samples to the clients.
func divide(cfg config.Config, set *dataset.Set) (*partition.Partition, error) {
	p, clients := cfg.Problem.Partition, cfg.Clients.Count
	labels := partition.Labels{Samples: set.Train.Len(), Classes: set.Classes, Of: set.Train.Label}
	random := rand.New(rand.NewPCG(cfg.Seed, partitionStream))
	var deal *partition.Partition
	var err error
	switch p.Kind {
	case "iid":
		deal, err = partition.IID(labels.Samples, clients, random)
	case "dirichlet":
		deal, err = partition.Dirichlet(labels, clients, p.Alpha, random)
	case "shards":
		deal, err = partition.Shards(labels, clients, p.Shards, random)
	case "sorted":
		deal, err = partition.Sorted(labels, clients)
	case "natural":
		return natural(cfg, set)
	case "file":
		return fromFile(cfg, set)
	default:
		return nil, cfg.Fault("problem.partition.kind", "must be one of iid, dirichlet, shards, sorted, natural, file")
	}
	if err != nil {
		return nil, cfg.Fault("clients.count", "%w in %s", err, set.Name)
	}
	return deal, nil
}

// natural makes the owners with the most samples the clients.
func natural(cfg config.Config, set *dataset.Set) (*partition.Partition, error) {
	if set.Owners == nil {
		return nil, cfg.Fault("problem.partition.kind", "%s does not say whose its samples are: must be another kind", set.Name)
	}
	if cfg.Clients.Count > len(set.Owners) {
		return nil, cfg.Fault("clients.count", "must be at most %d, the speakers of %s with enough text", len(set.Owners), set.Name)
	}
	owners := make([]partition.Range, len(set.Owners))
	for i, o := range set.Owners {
		owners[i] = partition.Range{Low: o.Low, High: o.High}
	}
	return partition.Natural(owners, cfg.Clients.Count), nil
}

// maxPartitionFile bounds the memory that reading a partition takes.
const maxPartitionFile = 1 << 30

func fromFile(cfg config.Config, set *dataset.Set) (*partition.Partition, error) {
	const key = "problem.partition.file"
	path := cfg.Problem.Partition.File
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxPartitionFile {
		return nil, cfg.Fault(key, "is longer than %d MiB", maxPartitionFile>>20)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		var p *fs.PathError
		if errors.As(err, &p) {
			err = p.Err
		}
		return nil, cfg.Fault(key, "%w", err)
	}
	var lists [][]int
	if err := json.Unmarshal(text, &lists); err != nil {
		return nil, cfg.Fault(key, "must be a JSON list of a list of sample numbers for each client: %w", err)
	}
	if len(lists) != cfg.Clients.Count {
		return nil, cfg.Fault("clients.count", "must be %d, the clients in %s", len(lists), path)
	}
	deal, err := partition.Lists(lists, set.Train.Len())
	if err != nil {
		return nil, cfg.Fault(key, "%w", err)
	}
	return deal, nil
}

// Dim is the number of parameters of the network.
func (p *Problem) Dim() int { return p.network.Params }

// Clients is how many clients hold data.
func (p *Problem) Clients() int { return p.deal.Clients() }

// Samples is how many training samples a client holds.
func (p *Problem) Samples(client int) int { return p.deal.Size(client) }

// Start writes the network's initial parameters into x: drawn from the seed, or zeros for logistic regression.
func (p *Problem) Start(x []float32) {
	p.network.Start(x, rand.New(rand.NewPCG(p.seed, startStream)))
}

// Describe is a line for people: what is learned from what.
func (p *Problem) Describe() string {
	test := ", measured on the training data"
	samples := thousands(p.set.Train.Len())
	if p.set.Test != nil {
		test = ""
		samples += " + " + thousands(p.set.Test.Len())
	}
	return fmt.Sprintf("%s: %s %s%s, %s, %s parameters", p.set.Name, samples, p.set.Unit, test, p.network.Name, thousands(p.network.Params))
}

// thousands writes 60,000.
func thousands(n int) string {
	digits := strconv.Itoa(n)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

var _ problem.Problem[float32] = (*Problem)(nil)
