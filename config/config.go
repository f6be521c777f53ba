// Package config is what people write: one YAML file a run, the same for the simulator and the cluster.
//
// Every key has a default, every unknown key is an error that names the nearest known one, and every complaint names
// the line, the key and what would be right. The structs below are the whole schema.
package config

import (
	"weir/aggregate"
	"weir/compress"
	"weir/selection"
	"weir/staleness"
)

// Config is one run.
type Config struct {
	Name        string                `yaml:"name"`
	Seed        uint64                `yaml:"seed"`
	Problem     Problem               `yaml:"problem"`
	Clients     Clients               `yaml:"clients"`
	Local       Local                 `yaml:"local"`
	Compress    compress.Config       `yaml:"compress"`
	Aggregate   Aggregate             `yaml:"aggregate"`
	Staleness   staleness.Config      `yaml:"staleness"`
	Outer       aggregate.OuterConfig `yaml:"outer"`
	Selection   selection.Config      `yaml:"selection"`
	Stop        Stop                  `yaml:"stop"`
	Evaluate    Evaluate              `yaml:"evaluate"`
	Coordinator Coordinator           `yaml:"coordinator"`

	origin *origin // nil for a config that was not loaded
}

// Problem says what the clients solve.
type Problem struct {
	Kind      string    `yaml:"kind"`      // learn, waterfill, quadratic, none
	Dataset   string    `yaml:"dataset"`   // learn: synthetic, a name that `weir data list` shows, libsvm:PATH, idx:DIR or text:PATH
	Model     Model     `yaml:"model"`     // learn
	Partition Partition `yaml:"partition"` // learn
	L2        float64   `yaml:"l2"`        // learn: adds l2/2 ||x||^2 to every client's objective
	File      string    `yaml:"file"`      // JSON, relative to the config file; quadratic: A, c, theta0; waterfill: gain, noise, budget
	Noise     float64   `yaml:"noise"`     // waterfill: size of the error of what a user measures, as a Euclidean norm
	Measured  float64   `yaml:"measured"`  // waterfill: share of the carriers that a user measures in a round
	Dim       int       `yaml:"dim"`       // none: parameters of the vector that travels
}

// Model is the network that learn trains.
type Model struct {
	Kind       string `yaml:"kind"`       // logistic, mlp, cnn, char
	Hidden     []int  `yaml:"hidden"`     // mlp, char: width of each hidden layer
	Activation string `yaml:"activation"` // relu, selu
	Context    int    `yaml:"context"`    // char: characters the model sees
	Embedding  int    `yaml:"embedding"`  // char: numbers that stand for one character
}

// Partition says how the data is divided among the clients.
type Partition struct {
	Kind   string  `yaml:"kind"`   // iid, dirichlet, shards, sorted, natural, file
	Alpha  float64 `yaml:"alpha"`  // dirichlet: concentration; smaller is more skewed
	Shards int     `yaml:"shards"` // shards: label-sorted shards a client holds
	File   string  `yaml:"file"`   // file: JSON list of sample numbers for each client; relative to the config file
}

// Clients describes who takes part and on what machines.
type Clients struct {
	Count       int       `yaml:"count"`
	Concurrency int       `yaml:"concurrency"` // clients at work at the same time; 0 means all
	Speed       Speed     `yaml:"speed"`
	Durations   []float64 `yaml:"durations"` // seconds; each client's whole cycle, exactly, instead of speed and link
	Link        Link      `yaml:"link"`
	Dropout     float64   `yaml:"dropout"` // chance that a client drops out during a round
	Away        Duration  `yaml:"away"`    // mean time until a client that dropped out returns
}

// Speed is the distribution of the time a client's configured round of local work takes.
type Speed struct {
	Kind   string   `yaml:"kind"`   // fixed, uniform, lognormal, two-class
	Median Duration `yaml:"median"` // fixed: the time itself; two-class: the time of the fast class; uniform: the middle
	Sigma  float64  `yaml:"sigma"`  // lognormal: standard deviation of the logarithm
	Spread float64  `yaml:"spread"` // uniform: half width as a fraction of the median, below 1
	Slow   float64  `yaml:"slow"`   // two-class: share of clients that are slow
	Factor float64  `yaml:"factor"` // two-class: how many times slower they are
}

// Link is the network between a client and the coordinator. Zero rates are unlimited.
type Link struct {
	Up      Rate     `yaml:"up"`
	Down    Rate     `yaml:"down"`
	Latency Duration `yaml:"latency"` // one way
}

// Local is the work of one client in one round. Exactly one of Epochs, Steps and Budget is positive.
type Local struct {
	Optimizer   string   `yaml:"optimizer"` // sgd
	LR          float64  `yaml:"lr"`
	Momentum    float64  `yaml:"momentum"`
	WeightDecay float64  `yaml:"weight_decay"`
	Clip        float64  `yaml:"clip"`  // bound on the norm of a step's gradient; 0 is none
	Batch       Batch    `yaml:"batch"` // samples a step, or full
	Epochs      float64  `yaml:"epochs"`
	Steps       int      `yaml:"steps"`
	Budget      Duration `yaml:"budget"`   // time to work for: fast clients do more
	Prox        float64  `yaml:"prox"`     // FedProx mu (Li et al. 2020)
	Pipeline    int      `yaml:"pipeline"` // rounds that may be under way while earlier updates travel: 0 or 1
	Start       string   `yaml:"start"`    // with a pipeline, what a round starts from: newest, predicted
}

// Aggregate says when a window closes and how much an update counts.
type Aggregate struct {
	Kind      string   `yaml:"kind"`       // fedavg, fedasync, fedbuff, fedfix, co2
	Window    Window   `yaml:"window"`     // fedfix: time between commits, or median
	Size      int      `yaml:"size"`       // fedbuff: updates a window (K)
	Alpha     float64  `yaml:"alpha"`      // fedasync: mixing weight
	Weights   string   `yaml:"weights"`    // share, identical, unbiased, score; block for waterfill
	WeightCap float64  `yaml:"weight_cap"` // unbiased: bound on weight/share, as a multiple of its median
	Deadline  Duration `yaml:"deadline"`   // fedavg, co2: stragglers are not waited for past this; 0 is for ever
}

// Stop says when a run is done: at whichever comes first. A zero is no bound.
type Stop struct {
	Versions int      `yaml:"versions"`
	Time     Duration `yaml:"time"`
	Target   Target   `yaml:"target"`
}

// Target is a metric's value at which a run is done, judged by the mean of the last five evaluations.
type Target struct {
	Metric string  `yaml:"metric"` // empty is no target
	Value  float64 `yaml:"value"`
}

// Evaluate says how often the model is measured.
type Evaluate struct {
	Every int    `yaml:"every"` // versions
	Split string `yaml:"split"` // test; validation: a sixth of the training data, which the clients then do without
}

// Coordinator sizes the cluster; the simulator uses only CheckpointEvery.
type Coordinator struct {
	Nodes           int `yaml:"nodes"`
	CheckpointEvery int `yaml:"checkpoint_every"` // versions
}
