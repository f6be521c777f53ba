package compress

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Config chooses how an update is made small.
type Config struct {
	Kind     string  `yaml:"kind"`     // identity, topk, blocktopk, randk, sign, quant
	Density  float64 `yaml:"density"`  // topk, blocktopk, randk: share of coordinates that are sent
	K        int     `yaml:"k"`        // instead of density: coordinates that a fragment (blocktopk: a block) sends
	Values   string  `yaml:"values"`   // how values are sent: fp32, bf16, int8, int4, int2
	Feedback string  `yaml:"feedback"` // none, ec, ef21, ef21m, econtrol, forget
	Beta     float64 `yaml:"beta"`     // ec: how much of the error memory is kept
	Momentum float64 `yaml:"momentum"` // ef21m: m, the share of the newest gradient
	Eta      Eta     `yaml:"eta"`      // econtrol: a number or auto
	Memory   string  `yaml:"memory"`   // decoder memory of ef21, ef21m and econtrol: per-client, mean
	Budget   Bytes   `yaml:"budget"`   // memory of per-client decoder memory; what is past it lies on disk
	Down     Down    `yaml:"down"`     // how new versions travel to the clients
}

// Down chooses how a new version is made small on its way to the clients. What is sent is C(x - x^), where x^ is the
// published model, what the clients hold; x^ moves by it, so that what was left out is in the next difference: the
// server's own error feedback (EF21-P, Gruntkowska et al. 2023).
type Down struct {
	Kind    string  `yaml:"kind"` // as for updates
	Density float64 `yaml:"density"`
	K       int     `yaml:"k"`
	Values  string  `yaml:"values"`
}

// Config is the downlink's compression as that of an update without feedback.
func (d Down) Config() Config {
	c := DefaultConfig()
	c.Kind, c.Density, c.K, c.Values = d.Kind, d.Density, d.K, d.Values
	return c
}

// DefaultConfig sends updates whole.
func DefaultConfig() Config {
	return Config{
		Kind: "identity", Density: 0.01, Values: "fp32",
		Feedback: "none", Beta: 1, Momentum: 0.1, Memory: "per-client", Budget: 1e9,
		Down: Down{Kind: "identity", Density: 0.01, Values: "fp32"},
	}
}

var (
	kinds     = []string{"identity", "topk", "blocktopk", "randk", "sign", "quant"}
	feedbacks = []string{"none", "ec", "ef21", "ef21m", "econtrol", "forget"}
	memories  = []string{"per-client", "mean"}
)

// Mean says whether the server keeps one memory for all clients, as Codec.Mean.
func (c Config) Mean() bool { return rules[c.Feedback].estimates() && c.Memory == "mean" }

// Kinds are the names that Config.Kind may have.
func Kinds() []string { return slices.Clone(kinds) }

// Feedbacks are the names that Config.Feedback may have.
func Feedbacks() []string { return slices.Clone(feedbacks) }

// Validate returns every fault of the configuration, each naming its key and what would be right.
func (c Config) Validate() error {
	var faults []error
	wrong := func(key string, value any, right string) {
		faults = append(faults, fmt.Errorf("compress.%s: %v: must be %s", key, value, right))
	}
	oneOf := func(key, value string, names []string) {
		if !slices.Contains(names, value) {
			wrong(key, fmt.Sprintf("%q", value), "one of "+strings.Join(names, ", "))
		}
	}
	oneOf("kind", c.Kind, kinds)
	oneOf("values", c.Values, valueNames[1:])
	oneOf("feedback", c.Feedback, feedbacks)
	oneOf("memory", c.Memory, memories)
	if !(c.Density > 0 && c.Density <= 1) && c.K == 0 {
		wrong("density", c.Density, "above 0 and at most 1")
	}
	if c.K < 0 {
		wrong("k", c.K, "0 (density counts) or more")
	}
	if !(c.Beta >= 0 && c.Beta <= 1) {
		wrong("beta", c.Beta, "from 0 to 1")
	}
	if !(c.Momentum > 0 && c.Momentum <= 1) {
		wrong("momentum", c.Momentum, "above 0 and at most 1")
	}
	if !(c.Eta >= 0 && c.Eta <= 1) {
		wrong("eta", c.Eta, "auto, or a number above 0 and at most 1")
	}
	switch {
	case c.Kind == "quant" && !slices.Contains([]string{"int8", "int4", "int2"}, c.Values):
		wrong("values", c.Values, "int8, int4 or int2 where kind is quant")
	case (c.Kind == "identity" || c.Kind == "sign") && c.Values != "fp32":
		wrong("values", c.Values, "fp32 where kind is "+c.Kind)
	}
	return errors.Join(faults...)
}
