package coordinator

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/raft"
	"go.uber.org/zap"

	"weir/ledger"
	"weir/transport"
)

// membershipTimeout bounds a change of the cluster's members.
const membershipTimeout = 10 * time.Second

// obey does what an operator asks for.
func (l *lead[T]) obey(ctx context.Context, c transport.Control) error {
	r := l.n.raft
	switch {
	case c.Stop != "":
		l.n.log.Info("told to stop", zap.String("why", c.Stop))
		l.call(ctx, func() {
			if err := l.command(ctx, ledger.Command{Kind: ledger.Stop, Time: l.stamp(), Why: c.Stop}); err != nil {
				l.stop(err)
			}
		})
		return nil
	case c.Add != "" && c.Raft != "":
		l.n.log.Info("adding a node", zap.String("added", c.Add), zap.String("raft", c.Raft))
		return r.AddVoter(raft.ServerID(c.Add), raft.ServerAddress(c.Raft), 0, membershipTimeout).Error()
	case c.Remove == l.n.cfg.Node:
		return errors.New("this node leads; stop it, and remove it when another one does")
	case c.Remove != "":
		l.n.log.Info("removing a node", zap.String("removed", c.Remove))
		return r.RemoveServer(raft.ServerID(c.Remove), 0, membershipTimeout).Error()
	}
	return errors.New("an order is to stop the run, to add a node (its name and its raft's address), or to remove one")
}
