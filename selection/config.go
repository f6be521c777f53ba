package selection

// Config chooses who works next.
type Config struct {
	Kind string `yaml:"kind"` // random, all
}
