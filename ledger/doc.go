// Package ledger is the replicated state machine: it decides, and applies what it decided to the model.
//
// Its two halves are the Ledger, which holds scalars (clients, what was admitted, weights, windows, commits), and the
// Model, which holds vectors (the parameters, the window's sum, the outer optimiser's state). A Machine is both. It
// takes Commands and returns Decisions:
//
//	register  a client joins, or returns after it had left
//	start     enough have joined: the first clients are given work
//	admit     a client's update has arrived
//	leave     a client is gone; what it was working on is void
//	tick      time has passed; the caller owes one whenever Due is reached
//	measure   the stop target's metric was evaluated
//	stop      somebody ended the run
//
// The caller owes three things: commands in one order (the log), times that never fall, and that a Decision is read
// before the next Apply. In return every replica that is fed the same commands and frames makes the same decisions
// and holds the same bits: the package reads no clock, ranges over no map, draws only from its own seeded source, and
// fuses no multiplication into an addition.
//
// # A client's life
//
//	absent --register--> free --assigned--> working --admit--> waiting --commit--> free
//	                                           |
//	                                           +--deadline--> straggling --admit (late)--> free
//
// A slot is free as soon as an update arrives, so that another client can start at once from the newest version. The
// client itself waits for the commit that contains its update: it is in a window at most once, and goes on from the
// version that its work is in. With all clients in flight nobody else is free, and this is exactly FedFix's event
// rule.
package ledger
