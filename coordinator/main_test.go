package coordinator

import (
	"testing"

	"go.uber.org/goleak"
)

// Every goroutine of a node ends with it; raft's own handing over of leadership ends by its timeout.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/hashicorp/raft.(*Raft).leadershipTransfer"),
		goleak.IgnoreAnyFunction("github.com/hashicorp/raft.(*Raft).leaderLoop.func2"))
}
