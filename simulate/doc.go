// Package simulate runs a whole experiment on a virtual clock: it drives the ledger, the model and the clients of a
// cluster without a network.
package simulate
