package config

import (
	"reflect"
	"time"

	"weir/aggregate"
	"weir/compress"
	"weir/selection"
	"weir/staleness"
)

// Default is what a key is worth that is not set. Load derives a few defaults from other keys, see settle.
func Default() Config {
	return Config{
		Name: "run",
		Seed: 1,
		Problem: Problem{
			Kind:      "learn",
			Dataset:   "synthetic",
			Model:     Model{Kind: "mlp", Hidden: []int{64}, Activation: "relu", Context: 16, Embedding: 16},
			Partition: Partition{Kind: "dirichlet", Alpha: 0.5, Shards: 2},
			Measured:  1,
		},
		Clients: Clients{
			Count:       100,
			Concurrency: 10,
			Speed:       Speed{Kind: "lognormal", Median: Duration(time.Second), Sigma: 1, Spread: 0.5, Slow: 0.1, Factor: 10},
			Away:        Duration(10 * time.Second),
		},
		Local:       Local{Optimizer: "sgd", LR: 0.05, Batch: 32, Epochs: 1, Start: "newest"},
		Compress:    compress.DefaultConfig(),
		Aggregate:   Aggregate{Kind: "fedfix", Window: Window{Median: true}, Size: 10, Alpha: 0.6, Weights: "unbiased", WeightCap: 10},
		Staleness:   staleness.DefaultConfig(),
		Outer:       aggregate.DefaultOuterConfig(),
		Selection:   selection.DefaultConfig(),
		Stop:        Stop{Versions: 100},
		Evaluate:    Evaluate{Every: 5, Split: "test"},
		Coordinator: Coordinator{Nodes: 3, CheckpointEvery: 10},
	}
}

// rivals say the same thing in different ways. Of two that are set in one file, one is a fault; else the one that was set
// later stands, and the other is cleared, its default too.
var rivals = [][2]string{
	{"local.epochs", "local.steps"},
	{"local.epochs", "local.budget"},
	{"local.steps", "local.budget"},
	{"clients.durations", "clients.speed"},
	{"clients.durations", "clients.link"},
	{"compress.density", "compress.k"},
	{"compress.down.density", "compress.down.k"},
}

// outerDefaults are each optimiser's own: DiLoCo's for nesterov (Douillard et al. 2023), for adam the momenta and
// epsilon of FedAdam (Reddi et al. 2021), for co2 a rate and a momentum that are stable with the delay (ALGORITHMS.md 3).
var outerDefaults = map[string]aggregate.OuterConfig{
	"sgd":      {LR: 1},
	"nesterov": {LR: 0.7, Momentum: 0.9},
	"adam":     {LR: 0.01, Beta1: 0.9, Beta2: 0.99, Epsilon: 1e-3},
	"co2":      {LR: 0.7, Momentum: 0.2},
}

// settleCompression gives a lossy compressor the feedback, and a sparse one the values and the density, that lost the
// least at a hundred times fewer bytes (docs/compression.md): in rounds econtrol with the server's mean memory, elsewhere
// ec, since the mean is made for rounds.
func (c *Config) settleCompression(isSet func(key string) bool) {
	if c.Compress.Kind == "identity" {
		return
	}
	if !isSet("compress.feedback") {
		c.Compress.Feedback = "ec"
		if c.Aggregate.Kind == "fedavg" && c.Aggregate.Weights != "identical" && c.Aggregate.Weights != "score" && !isSet("compress.memory") {
			c.Compress.Feedback, c.Compress.Memory = "econtrol", "mean"
		}
	}
	switch c.Compress.Kind {
	case "topk", "blocktopk", "randk":
		if !isSet("compress.values") {
			c.Compress.Values = "int4"
		}
		if !isSet("compress.density") && !isSet("compress.k") {
			c.Compress.Density = 0.03
		}
	case "quant":
		if !isSet("compress.values") {
			c.Compress.Values = "int8"
		}
	}
}

// settleBlocks is for clients that own a part of the vector each, as the users of waterfill: all of them take part, an
// update is applied whole, and what compression leaves out is in the client's next difference anyway.
func (c *Config) settleBlocks(isSet func(key string) bool) {
	if !isSet("clients.concurrency") {
		c.Clients.Concurrency = c.Clients.Count
	}
	if !isSet("aggregate.weights") {
		c.Aggregate.Weights = "block"
	}
	if !isSet("aggregate.alpha") {
		c.Aggregate.Alpha = 1
	}
	if !isSet("compress.feedback") {
		c.Compress.Feedback = "forget"
	}
}

// settle gives the keys that were not set the values that follow from those that were.
func (c *Config) settle(isSet func(key string) bool) {
	fill := func(key string, to *float64, value float64) {
		if !isSet(key) {
			*to = value
		}
	}
	for _, pair := range rivals {
		for i, key := range pair {
			if isSet(pair[1-i]) && !isSet(key) {
				v, _ := field(reflect.ValueOf(c).Elem(), key)
				v.SetZero()
			}
		}
	}
	if len(c.Clients.Durations) > 0 && !isSet("clients.count") {
		c.Clients.Count = len(c.Clients.Durations)
	}
	if c.Aggregate.Kind == "co2" {
		if !isSet("outer.kind") {
			c.Outer.Kind = "co2"
		}
		if !isSet("local.pipeline") {
			c.Local.Pipeline = 1
		}
	}
	if !isSet("clients.concurrency") {
		c.Clients.Concurrency = min(c.Clients.Concurrency, c.Clients.Count)
		if c.Selection.Kind == "all" || c.Local.Pipeline > 0 {
			c.Clients.Concurrency = c.Clients.Count
		}
	}
	if !isSet("aggregate.size") {
		c.Aggregate.Size = min(c.Aggregate.Size, c.Clients.Count)
	}
	if c.Stop.Time > 0 && !isSet("stop.versions") {
		c.Stop.Versions = 0
	}
	c.settleCompression(isSet)
	if c.ownBlocks() {
		c.settleBlocks(isSet)
	}
	if d, known := outerDefaults[c.Outer.Kind]; known {
		fill("outer.lr", &c.Outer.LR, d.LR)
		fill("outer.momentum", &c.Outer.Momentum, d.Momentum)
		fill("outer.beta1", &c.Outer.Beta1, d.Beta1)
		fill("outer.beta2", &c.Outer.Beta2, d.Beta2)
		fill("outer.epsilon", &c.Outer.Epsilon, d.Epsilon)
	}
}
