package compress

// Config chooses how an update is made small.
type Config struct {
	Kind     string  `yaml:"kind"`     // identity, topk, blocktopk, randk, sign, quant
	Density  float64 `yaml:"density"`  // topk, blocktopk, randk: share of coordinates that are sent
	K        int     `yaml:"k"`        // instead of density: coordinates a fragment sends
	Values   string  `yaml:"values"`   // how values are sent: fp32, bf16, int8, int4, int2
	Feedback string  `yaml:"feedback"` // none, ec, ef21, ef21m, econtrol
	Beta     float64 `yaml:"beta"`     // ec: how much of the error memory is kept
	Momentum float64 `yaml:"momentum"` // ef21m: m
	Eta      Eta     `yaml:"eta"`      // econtrol: a number or auto
	Memory   string  `yaml:"memory"`   // decoder memory of ef21, ef21m and econtrol: per-client, mean
}
