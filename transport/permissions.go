package transport

import (
	"github.com/nats-io/nats-server/v2/server"

	"weir/keys"
)

// rights are the subjects that somebody may publish on and subscribe to. All others are forbidden.
type rights struct{ publish, subscribe []string }

// rights are what u needs to play its role and no more. Who only asks needs no right to answer, so that nobody but a
// node can answer in a node's place.
func (s Subjects) rights(u keys.User) rights {
	all, own := s.prefix+">", inboxOf(u.Name)+".>"
	switch u.Role {
	case keys.Node:
		return rights{publish: []string{all, anyInbox}, subscribe: []string{all, own}}
	case keys.Worker:
		r := rights{
			publish:   []string{s.Hello(u.Name), s.Fetch(), s.fetches()},
			subscribe: []string{s.Worker(u.Name), s.Beat(), own},
		}
		for id := range u.Clients.All() {
			r.publish = append(r.publish, s.Update(id))
		}
		return r
	case keys.Operator:
		return rights{
			publish:   []string{s.Control(), s.Fetch(), s.fetches()},
			subscribe: []string{s.Beat(), own},
		}
	}
	return rights{}
}

// inboxOf is where the answers to name's requests go.
func inboxOf(name string) string { return "_INBOX." + Token(name) }

const anyInbox = "_INBOX.>"

// user is u as the server knows it.
func (s Subjects) user(u keys.User) *server.NkeyUser {
	r := s.rights(u)
	return &server.NkeyUser{Nkey: u.Key, Permissions: &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: r.publish, Deny: none(r.publish)},
		Subscribe: &server.SubjectPermission{Allow: r.subscribe, Deny: none(r.subscribe)},
	}}
}

// none denies everything to who is allowed nothing, which NATS would take for no limit.
func none(allowed []string) []string {
	if len(allowed) == 0 {
		return []string{">"}
	}
	return nil
}
