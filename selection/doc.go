// Package selection decides who works next.
//
// A selector draws from the clients that are free. It is a pure function of its arguments and of the random source it
// is handed, so every replica of the ledger draws the same clients.
package selection
