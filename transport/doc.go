// Package transport carries a run's messages between its workers and its coordinator nodes.
//
// NATS carries, raft remembers, the ledger decides: a message may be lost, come twice, or come late, and nothing is
// forgotten for it. What one sender publishes on one subject arrives in order, that is all. So every message that asks
// for something is sent again until its effect is seen, and every one that tells something can be asked for.
//
// # Subjects
//
// All begin with weir.RUN, the run's name made fit for a subject.
//
//	update.CLIENT   worker -> leader   one frame of one update (Frame); the first brings the Report
//	hello.WORKER    worker -> leader   Hello, a request; the answer is a Sync
//	worker.WORKER   leader -> worker   Notes: assignments, verdicts, acknowledged frames
//	beat            leader -> all      Beat, when a node begins to lead and every BeatEvery after that
//	fetch           worker -> a node   Want, a request that any node answers with an Offer and its first part
//	fetch.NODE      worker -> a node   Part, a request; the answer is the part's bytes
//	control         operator -> leader Control, a request; the answer is a ControlReply
//
// # A worker's conversation
//
// A worker says hello when it starts, when a Beat names another leader, and every HelloEvery: that is its heartbeat,
// and the leader gives up its clients when it has heard none for their lease. The Sync that answers says where every
// client of the worker stands in the ledger, so a worker that lost every other message still learns what to do and what
// became of its updates. Notes are the same news, sooner.
//
// An update is sent frame by frame, at most Window frames ahead of what the leader acknowledged, and again from there
// when nothing is heard for ResendAfter or when the leader changes. It stays in its client's outbox until the ledger
// has settled it: committed, late, or refused.
//
// # Connections
//
// Conn is what both sides hold. Dial makes one to a NATS server, StartServer embeds the server in a coordinator node,
// and Memory is a network in memory, with faults, for tests in virtual time.
package transport
