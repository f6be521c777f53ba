// Package fleet is the clients' machines and links as a config describes them: what takes how long, whose work is random
// how. The simulator lives by it; a worker that emulates machines takes as long.
package fleet
