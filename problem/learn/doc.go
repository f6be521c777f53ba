// Package learn is federated learning: a data set dealt to clients, and a network that they train by local SGD.
//
// It is made of four pieces: package dataset reads or draws the samples, package partition deals them, package network
// has the models, and this package does the local work of a client (local.go) and measures models (evaluate.go).
//
// The objective of client i is f_i(x) = mean over its samples of the cross-entropy + l2/2 ||x||^2.
package learn
