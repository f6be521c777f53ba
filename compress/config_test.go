package compress

import (
	"strings"
	"testing"
)

func TestDefaultConfigIsValid(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
}

func TestValidateNamesEveryFault(t *testing.T) {
	for _, tt := range []struct {
		name string
		set  func(*Config)
		want []string
	}{
		{
			"names", func(c *Config) { c.Kind, c.Values, c.Feedback, c.Memory = "top", "int3", "ef", "all" },
			[]string{`compress.kind: "top"`, `compress.values: "int3"`, `compress.feedback: "ef"`, `compress.memory: "all"`},
		},
		{
			"numbers", func(c *Config) { c.Density, c.Beta, c.Momentum, c.Eta = 0, 2, 0, -1 },
			[]string{"compress.density: 0", "compress.beta: 2", "compress.momentum: 0", "compress.eta: -1"},
		},
		{"negative k", func(c *Config) { c.K = -1 }, []string{"compress.k: -1"}},
		{"quant of what", func(c *Config) { c.Kind = "quant" }, []string{"compress.values: fp32: must be int8, int4 or int2"}},
		{"sign has no values", func(c *Config) { c.Kind, c.Values = "sign", "int8" }, []string{"compress.values: int8: must be fp32"}},
	} {
		cfg := DefaultConfig()
		tt.set(&cfg)
		err := cfg.Validate()
		if err == nil {
			t.Errorf("%s: accepted", tt.name)
			continue
		}
		lines := strings.Split(err.Error(), "\n")
		if len(lines) != len(tt.want) {
			t.Errorf("%s: %d faults, want %d:\n%v", tt.name, len(lines), len(tt.want), err)
		}
		for _, want := range tt.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: no fault says %q:\n%v", tt.name, want, err)
			}
		}
	}
}

func TestEtaText(t *testing.T) {
	for _, text := range []string{"auto", "0.25", "1"} {
		var e Eta
		if err := e.UnmarshalText([]byte(text)); err != nil || e.String() != text {
			t.Errorf("%q read as %v, %v", text, e, err)
		}
	}
	for _, text := range []string{"", "0", "-1", "1.5", "NaN", "much"} {
		if err := new(Eta).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q accepted", text)
		}
	}
}
