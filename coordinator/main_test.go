package coordinator

import (
	"testing"

	"go.uber.org/goleak"
)

// raftWaits are what raft leaves running for as long as its timeout, when the node that leadership is handed to has ended.
var raftWaits = []goleak.Option{
	goleak.IgnoreAnyFunction("github.com/hashicorp/raft.(*Raft).leadershipTransfer"),
	goleak.IgnoreAnyFunction("github.com/hashicorp/raft.(*Raft).leaderLoop.func2"),
}

// Every other goroutine of a node ends with it.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m, raftWaits...) }
