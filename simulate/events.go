package simulate

// What happens to a client. Events of the same time are handled in this order, then by client; a tick comes after all
// of them, so that an arrival at the very end of a window still belongs to it.
const (
	dropped  = iota // the client vanishes in the middle of its round
	returned        // a client that vanished is back
	fetched         // a client that works ahead holds a newer version
	computed        // the local work is done, the update goes out
	arrived         // the update is at the coordinator
	awaited         // the ledger asks a client that works ahead for its next round
)

type event struct {
	Time   int64
	Kind   uint8
	Client uint32
}

func (e event) before(o event) bool {
	if e.Time != o.Time {
		return e.Time < o.Time
	}
	if e.Kind != o.Kind {
		return e.Kind < o.Kind
	}
	return e.Client < o.Client
}

// heap is a binary heap. container/heap would box every element, which a million events a second feel.
type heap[E interface{ before(E) bool }] []E

func (h *heap[E]) push(e E) {
	s := append(*h, e)
	i := len(s) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if !e.before(s[parent]) {
			break
		}
		s[i] = s[parent]
		i = parent
	}
	s[i] = e
	*h = s
}

func (h *heap[E]) pop() E {
	s := *h
	top, last := s[0], s[len(s)-1]
	var zero E
	s[len(s)-1] = zero
	s = s[:len(s)-1]
	*h = s
	if len(s) == 0 {
		return top
	}
	i := 0
	for {
		child := 2*i + 1
		if child >= len(s) {
			break
		}
		if child+1 < len(s) && s[child+1].before(s[child]) {
			child++
		}
		if !s[child].before(last) {
			break
		}
		s[i] = s[child]
		i = child
	}
	s[i] = last
	return top
}
