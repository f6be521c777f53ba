package config

import (
	"weir/aggregate"
	"weir/ledger"
	"weir/problem"
)

// Ledger is the part of a run that the ledger decides by.
func (c Config) Ledger() ledger.Config {
	l := ledger.Config{
		Seed:        c.Seed,
		Concurrency: c.InFlight(),
		Dropouts:    c.Clients.Dropout > 0 || c.Local.Pipeline > 0,
		Aggregate: aggregate.Config{
			Kind: c.Aggregate.Kind, Window: int64(c.Aggregate.Window.Time), Deadline: int64(c.Aggregate.Deadline), Size: c.Aggregate.Size,
			Alpha: c.Aggregate.Alpha, Weights: c.Aggregate.Weights, WeightCap: c.Aggregate.WeightCap,
		},
		Staleness: c.Staleness,
		Selection: c.Selection,
		Stop:      ledger.Bounds{Versions: uint64(c.Stop.Versions), Time: int64(c.Stop.Time)},
	}
	if t := c.Stop.Target; t.Metric != "" {
		l.Stop.Target = &ledger.Target{Value: t.Value, Smaller: !problem.LargerIsBetter(t.Metric)}
	}
	return l
}

// InFlight is how many clients work at the same time.
func (c Config) InFlight() int {
	if c.Clients.Concurrency == 0 {
		return c.Clients.Count
	}
	return c.Clients.Concurrency
}
