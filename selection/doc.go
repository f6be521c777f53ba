// Package selection decides who works next.
//
// A selector draws from the clients that are free. Everything that it knows comes in as values: what the ledger has
// learned of each client (Client), how far the run is (Situation), and a seeded random source. So every replica of the
// ledger draws the same clients, for the same stated reasons (Choice), on every build.
//
//	random        every free client alike
//	all           all of them, as they stand
//	size          by the amount of their data
//	powerofchoice of some drawn by the amount of their data, those with the largest last loss (arXiv 2010.01243)
//	oort          by statistical and system utility, with a share for those never heard (Lai et al., OSDI 2021)
//	heteroselect  by a softmax over a score of five components (arXiv 2508.06692)
//
// # What is defined where the papers are silent
//
// A client that was never heard has no loss: its value is 1/2 for heteroselect, and powerofchoice tries it first. A
// figure that is NaN or infinite counts as none. All scores equal draw uniformly. Whoever asks for more clients than are
// free gets all that are free. If every free client is past oort's blacklist, the list is passed over. A component that
// no candidate differs in is 0 for all of them.
//
// The direction that diversity compares with is the moving mean of the global model's movements. No vector of a client
// is kept for it: the client holds its own update when it has made it, follows the versions anyway, and sends the cosine,
// one number, with the update (Direction). So the cosine is as old as the update.
package selection
