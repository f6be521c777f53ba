package main

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// The measured clients hold 20 images of 784 pixels each, so that the models have the sizes that other systems were
// measured with. The pixels are noise: how fast a step is does not depend on what is learned.
const (
	benchClients = 500
	benchSamples = 20 // a client
	benchSide    = 28
	benchClasses = 10
)

// writeBenchImages makes an idx data set in a new folder, which the caller removes.
func writeBenchImages() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "weir-bench-*"); err != nil {
		return "", err
	}
	for part, n := range map[string]int{"train": benchClients * benchSamples, "t10k": 100} {
		pixels := binary.BigEndian.AppendUint32(nil, 0x803) // idx: unsigned bytes, 3 dimensions
		labels := binary.BigEndian.AppendUint32(nil, 0x801)
		labels = binary.BigEndian.AppendUint32(labels, uint32(n))
		for _, size := range []int{n, benchSide, benchSide} {
			pixels = binary.BigEndian.AppendUint32(pixels, uint32(size))
		}
		random := rand.New(rand.NewPCG(1, uint64(n)))
		for i := range n {
			labels = append(labels, byte(i%benchClasses))
			for range benchSide * benchSide {
				pixels = append(pixels, byte(random.Uint32()))
			}
		}
		if err := os.WriteFile(filepath.Join(dir, part+"-images-idx3-ubyte"), pixels, 0o600); err != nil {
			return dir, err
		}
		if err := os.WriteFile(filepath.Join(dir, part+"-labels-idx1-ubyte"), labels, 0o600); err != nil {
			return dir, err
		}
	}
	return dir, nil
}
