package worker

import (
	"context"
	"time"

	"go.uber.org/zap"

	"weir/transport"
)

// message is one frame that is to be published.
type message struct {
	client uint32
	of     *update
	frame  int
}

// publish publishes what the loop hands it until ctx is done. A message that does not go out is sent again like one that
// does not arrive.
func (h *host[T]) publish(ctx context.Context) {
	var b []byte
	for {
		select {
		case <-ctx.Done():
			return
		case m := <-h.outgoing:
			f := transport.Frame{Bytes: m.of.frames[m.frame]}
			if m.frame == 0 {
				f.Report = &m.of.report
			}
			b = transport.AppendFrame(b[:0], f)
			if err := h.Conn.Publish(h.Subjects.Update(m.client), b); err != nil {
				h.Log.Debug("not published", zap.Uint32("client", m.client), zap.Error(err))
			}
		}
	}
}

// lost is after how long a leader that has acknowledged all of an update and says no more is taken to have lost it.
const lost = 5 * transport.ResendAfter

// outgoing is the update to publish now: the oldest that the leader does not hold. With a pipeline it takes an update
// before it awaits it.
func (c *client[T]) outgoing(pipeline int) *update {
	for _, u := range c.outbox {
		f := c.facts[u.seq]
		switch {
		case f.over, f.admitted, u.seq <= c.delivered:
		case u.seq == c.seq && c.awaited, u.seq > c.seq && u.seq <= c.seq+uint64(pipeline):
			return u
		default:
			return nil
		}
	}
	return nil
}

// send gets an update on its way, as far as the window allows.
func (h *host[T]) send(c *client[T]) {
	now := h.now()
	if u := c.awaitedUpdate(); u != nil && u.seq <= c.delivered {
		if at := c.ackedAt.Add(lost); now.Before(at) {
			h.wakeAt(c, at)
		} else {
			c.again()
		}
	}
	u := c.outgoing(h.Run.Local.Pipeline)
	if u != c.sending {
		c.sending, c.sent, c.acked, c.resend = u, 0, 0, time.Time{}
	}
	if u == nil {
		return
	}
	if now.Before(u.ready) {
		h.wakeAt(c, u.ready)
		return
	}
	if c.sent > c.acked {
		if now.Before(c.resend) {
			h.wakeAt(c, c.resend)
		} else {
			c.sent = c.acked
		}
	}
	if !c.queued && c.mayPublish() {
		c.queued = true
		h.ready = append(h.ready, c)
	}
}

// mayPublish says whether there is a frame that the window lets out.
func (c *client[T]) mayPublish() bool {
	return c.sending != nil && c.sent < len(c.sending.frames) && c.sent < c.acked+transport.Window
}

// upNext is the frame to publish next. Clients take turns.
func (h *host[T]) upNext() (message, chan<- message) {
	for len(h.ready) > 0 {
		if c := h.ready[0]; c.mayPublish() {
			return message{client: c.id, of: c.sending, frame: c.sent}, h.outgoing
		}
		h.ready[0].queued = false
		h.ready = h.ready[1:]
	}
	h.ready = h.ready[:0]
	return message{}, nil
}

// handedOver follows the frame that upNext returned.
func (h *host[T]) handedOver() error {
	c := h.ready[0]
	h.ready = append(h.ready[1:], c)
	c.sent++
	c.resend = h.now().Add(transport.ResendAfter)
	if c.sending.seq > c.seq {
		c.resend = h.now().Add(lost) // the leader has no reason to answer before it awaits this
	}
	h.wakeAt(c, c.resend)
	if h.dies(published, c.id) {
		return errDied
	}
	return nil
}

// acknowledge notes how much the leader holds of the update on its way. Asked is when it was asked, or zero for news that
// it sent by itself.
func (c *client[T]) acknowledge(now time.Time, n transport.Note, asked time.Time) {
	if c.sending == nil || n.AckSeq != c.sending.seq {
		return
	}
	received := min(int(n.Received), len(c.sending.frames))
	switch {
	case received > c.acked:
		c.acked, c.ackedAt, c.resend = received, now, now.Add(transport.ResendAfter)
		c.sent = max(c.sent, received)
		if received == len(c.sending.frames) {
			c.delivered = c.sending.seq
		}
	case received < c.acked && (asked.IsZero() || asked.After(c.ackedAt)): // it has lost some
		c.acked, c.sent = received, received
	}
}

// again sends everything from the start: another node leads, which holds nothing.
func (c *client[T]) again() { c.sent, c.acked, c.delivered = 0, 0, 0 }
