package aggregate

// OuterConfig chooses the server's optimiser.
type OuterConfig struct {
	Kind     string  `yaml:"kind"` // sgd, nesterov, adam
	LR       float64 `yaml:"lr"`
	Momentum float64 `yaml:"momentum"` // nesterov
	Beta1    float64 `yaml:"beta1"`    // adam
	Beta2    float64 `yaml:"beta2"`    // adam
	Epsilon  float64 `yaml:"epsilon"`  // adam
}
