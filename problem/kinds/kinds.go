// Package kinds finds the problem that a config asks for.
package kinds

import (
	"weir/config"
	"weir/problem/none"
	"weir/problem/quadratic"
)

// Open returns a problem.Problem[float32] or a problem.Problem[float64]. Data is the folder that holds data sets.
func Open(cfg config.Config, data string) (any, error) {
	switch cfg.Problem.Kind {
	case "none":
		return none.New(cfg.Clients.Count, cfg.Problem.Dim), nil
	case "quadratic":
		return quadratic.Open(cfg)
	}
	return nil, cfg.Fault("problem.kind", "must be one of learn, quadratic, none")
}
