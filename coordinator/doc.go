// Package coordinator is one node of the replicated service that turns what workers send into the next model.
//
// # One log
//
// Everything that the run depends on is an entry of a raft log (entry.go): which run this is, commands, updates with
// their frames, evaluations, digests, the end. A node's state (state.go) is a pure function of the log: the ledger and
// the model of the simulator, unchanged, what became of each client's latest updates, and the run's record. So every
// node holds the same bits, any node can lead, and a recorded log can be replayed (replay.go).
//
// # Who does what
//
// The leader (lead.go) takes updates from NATS, frame by frame (ingest.go), verifies each frame, and proposes an update once
// all of it is there, its frames back to back. One goroutine proposes everything and stamps the run's time, which only
// goes on while the log goes on: no wall clock, so a clock that jumps changes nothing. What the log decided is told to the
// workers when it has been applied here, never before a majority holds it. A leader's memory of workers dies with its
// term: their hellos and the log bring it back.
//
// Every node applies the log, serves versions to clients (serve.go), takes snapshots that share the model's vectors
// (snapshot.go), digests the versions that it makes (digest.go), and shows itself over HTTP (http.go).
//
// # Exactly once
//
// A client sends an update until it is told what became of it. The ledger admits each round of a client at most once; a
// leader that is sent it again answers from the state. An update that a change of leader cut in two, with some of its
// frames in the log and its admission not, is forgotten when the next leader's first frame comes (state.partial).
package coordinator
