// Package kinds knows every kind of problem by its name.
package kinds

import (
	"weir/config"
	"weir/problem/learn"
	"weir/problem/none"
	"weir/problem/quadratic"
	"weir/problem/waterfill"
)

// Open returns the problem that cfg describes: a problem.Problem[float32] or a problem.Problem[float64]. Data is the
// folder that holds the data sets. Faults are those of Config.Fault.
func Open(cfg config.Config, data string) (any, error) {
	switch kind := cfg.Problem.Kind; kind {
	case "learn":
		return learn.Open(cfg, data)
	case "waterfill":
		return waterfill.Open(cfg)
	case "quadratic":
		return quadratic.Open(cfg)
	case "none":
		return none.New(cfg.Clients.Count, cfg.Problem.Dim), nil
	default:
		return nil, cfg.Fault("problem.kind", "must be one of learn, waterfill, quadratic, none")
	}
}
