package compress

import "weir/vec"

// Memory is one client's side of its feedback rule: what it still owes.
type Memory[T vec.Float] struct {
	e []T // nil is 0
}

// NewMemory returns the memory of a client that has sent nothing yet.
func (c *Codec[T]) NewMemory() *Memory[T] { return &Memory[T]{} }

// Return takes back an update that will never be committed, so that its content travels with the client's next one.
func (c *Codec[T]) Return(m *Memory[T], update []byte) error {
	if _, err := c.Check(update); err != nil {
		return err
	}
	if m.e == nil {
		m.e = make([]T, c.dim)
	}
	for len(update) > 0 {
		f, rest, err := c.Parse(update)
		if err != nil {
			return err
		}
		c.Add(m.e, 1, f)
		update = rest
	}
	return nil
}
