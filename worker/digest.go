package worker

import (
	"crypto/sha256"
	"encoding/hex"

	"weir/config"
)

// configDigest is the run's configuration as a leader compares it.
func configDigest(c config.Config) string {
	sum := sha256.Sum256(c.YAML())
	return hex.EncodeToString(sum[:])
}
