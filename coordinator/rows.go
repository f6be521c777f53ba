package coordinator

import (
	"errors"

	"weir/record"
)

// rows is where the journal writes: what the live page draws, and the record where there is one.
type rows struct {
	rec     *record.Run // nil in memory
	history *record.History
}

// Version takes a version's row.
func (r rows) Version(v record.VersionRow) error {
	r.history.Add(v)
	if r.rec == nil {
		return nil
	}
	return r.rec.Version(v)
}

// Update takes an update's row.
func (r rows) Update(u record.UpdateRow) error {
	if r.rec == nil {
		return nil
	}
	return r.rec.Update(u)
}

// Rewind goes back to what a snapshot holds. Without a record the history begins anew there.
func (r rows) Rewind(versions, updates int) error {
	*r.history = *record.NewHistory()
	if r.rec == nil {
		return nil
	}
	err := r.rec.Rewind(versions, updates)
	h, unread := record.ReadHistory(r.rec.Dir)
	if unread == nil {
		*r.history = *h
	}
	return errors.Join(err, unread)
}
