package staleness

// Config chooses how much an update counts for its age.
type Config struct {
	Kind string  `yaml:"kind"` // constant, polynomial, hinge, exponential
	A    float64 `yaml:"a"`    // polynomial: power; hinge and exponential: rate; 0 means the kind's own default
	B    int     `yaml:"b"`    // hinge: versions of staleness that cost nothing
	Max  int     `yaml:"max"`  // versions past which an update weighs 0; 0 is no limit
}
