// Package worker is a process that hosts clients of a run: it does their local work and publishes what comes of it.
//
// # A round
//
// A client's round goes one way, and each step leaves the next one to be done again if the process dies in between:
//
//	hold      the model that the round starts from: a version at least as new as the assignment's
//	work      local work from it, on one of the worker's cores
//	encode    the difference through the client's feedback memory into frames
//	write     frames, report and memory to the client's file, in one atomic step
//	publish   frame by frame, until the ledger has settled the update
//
// Nothing is published that is not on disk, so a worker that dies publishes the same bytes when it is back, and a round
// whose file was not written was never heard of. With local.pipeline 1 a client does not wait for its update to be
// settled: it works one round ahead from the newest version the worker holds, and compute stands still for the network
// only when two updates are under way.
//
// # What becomes of an update
//
// The outbox holds a client's updates that are not settled, oldest first, and they are settled in that order:
//
//	committed        forgotten
//	late             decoded with weight 0: goes back into the client's error memory (Codec.Expire)
//	refused or void  never decoded: goes back too (Codec.Return); where the rule wants updates in order, with all later
//	                 ones, whose work is done again
//
// The memory itself changes only when the next update is encoded, just before it is written. What became of an update is
// not written when it is learnt: after a crash the ledger, which remembers the last two outcomes of every client, says it
// again. That is enough, since no client has more than two updates that are not settled.
//
// # Goroutines
//
// One goroutine, the event loop, owns all state. A few others do what takes time and tell it when they are done: one a
// core works and encodes, one publishes, at most one asks the leader, at most one downloads. Between the loop's handing
// out a client's memory and the answer, nobody else touches it. Everything is bounded by the number of clients, and all
// of them end with Run.
package worker
