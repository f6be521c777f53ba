// Package journal turns what a run decided into its record: rows while it goes on, and at the end what it came to. The
// simulator and every coordinator node keep one; of equal logs come equal journals.
package journal

import (
	"math"

	"weir/ledger"
	"weir/problem"
	"weir/record"
)

// Rows receives a run's rows in the order in which things happened.
type Rows interface {
	Version(record.VersionRow) error
	Update(record.UpdateRow) error
	// Rewind drops every row past the first versions and updates rows; a run that goes on from a snapshot calls it first.
	Rewind(versions, updates int) error
}

// Journal is kept by one goroutine. Its exported fields are its state: a snapshot holds them.
type Journal struct {
	Sent       uint64 // updates that arrived
	BytesUp    uint64
	BytesDown  uint64
	Samples    uint64    // that committed updates were made from
	Waiting    uint64    // that those of the open window were made from
	Downloads  uint64    // versions that were brought to a client
	Returned   uint64    // updates that went back into their client's memory
	Delta      float64   // sum of the measured contractions of updates that arrived
	Errors     []float64 // by client: ||e|| after its last update; empty in a run without compression
	Compute    int64     // client time in nanoseconds
	Blocked    int64     // the same
	Carried    int64     // what transfers took, of clients that compute meanwhile
	Metrics    map[string]*record.Series
	Latest     problem.Metrics
	Target     *record.TimeToTarget
	Pending    []record.UpdateRow // of the open window, in the ledger's order
	Open       []Open             // newest versions, not yet recorded
	Versions   int                // rows recorded
	Updates    int
	Compressed bool

	rows Rows
}

// Open is a version whose row can still change.
type Open struct {
	Row    record.VersionRow
	Awaits bool // an evaluation
}

// New returns the journal of a run of n clients. Rows may be nil: then nothing is recorded but what a summary needs.
func New(rows Rows, n int, compressed bool) *Journal {
	j := &Journal{Metrics: map[string]*record.Series{}, Compressed: compressed, rows: rows}
	if compressed {
		j.Errors = make([]float64, n)
	}
	return j
}

// Record makes a restored journal go on in rows, which drop what came after it.
func (j *Journal) Record(rows Rows) error {
	j.rows = rows
	if j.Metrics == nil {
		j.Metrics = map[string]*record.Series{}
	}
	if rows == nil {
		return nil
	}
	return rows.Rewind(j.Versions, j.Updates)
}

// Arrived records an update that arrived: at once, or, of one that was admitted, when its window closes and its weight
// is final.
func (j *Journal) Arrived(row record.UpdateRow, v ledger.Verdict) error {
	j.Sent++
	j.BytesUp += uint64(row.BytesUp)
	j.Delta += row.Contraction
	if row.Client < len(j.Errors) {
		j.Errors[row.Client] = row.ErrorNorm
	}
	if v == ledger.Admitted {
		j.Waiting += uint64(row.Samples)
	}
	if j.rows == nil {
		return nil
	}
	row.Verdict = v.String()
	if v == ledger.Admitted {
		j.Pending = append(j.Pending, row)
		return nil
	}
	j.Updates++
	return j.rows.Update(row)
}

// Downloaded counts what brought a version to a client.
func (j *Journal) Downloaded(bytes int) {
	j.BytesDown += uint64(bytes)
	j.Downloads++
}

// Spent counts clients' time, in nanoseconds.
func (j *Journal) Spent(compute, blocked int64) {
	j.Compute += compute
	j.Blocked += blocked
}

// Communicated counts a transfer that did not keep its client from computing by itself, in nanoseconds.
func (j *Journal) Communicated(took int64) { j.Carried += took }

// Version records a version: the initial model when c is nil, else what c committed. Its row is written when the next
// one comes, and of one that awaits an evaluation, when that comes or cannot come any more. Now and wall are in seconds.
func (j *Journal) Version(c *ledger.Commit, now, wall float64, awaits bool) (record.VersionRow, error) {
	if c != nil {
		j.Samples += j.Waiting
		j.Waiting = 0
	}
	row := record.VersionRow{
		Time: now, Wall: wall, TrainLoss: math.NaN(), Contraction: math.NaN(), ErrorNorm: math.NaN(),
		BytesUp: j.BytesUp, BytesDown: j.BytesDown, Samples: j.Samples,
	}
	if c != nil {
		describe(&row, c)
		if j.Compressed && len(j.Pending) > 0 {
			row.Contraction, row.ErrorNorm = 0, 0
			for _, u := range j.Pending {
				row.Contraction += u.Contraction / float64(len(j.Pending))
				row.ErrorNorm += u.ErrorNorm / float64(len(j.Pending))
			}
		}
	}
	j.Open = append(j.Open, Open{row, awaits})
	if err := j.write(1); err != nil || c == nil || j.rows == nil {
		return row, err
	}
	return row, j.settle(c)
}

// describe fills in what a commit says of its version.
func describe(row *record.VersionRow, c *ledger.Commit) {
	row.Version = c.Version
	row.Updates = len(c.Updates)
	n := float64(len(c.Updates))
	row.TrainLoss = 0
	for _, e := range c.Updates {
		row.Weight += c.Weight(e)
		row.StalenessMean += float64(e.Staleness) / n
		row.StalenessMax = max(row.StalenessMax, int(e.Staleness))
		row.TrainLoss += e.Loss / n
	}
}

// settle records the updates of a version.
func (j *Journal) settle(c *ledger.Commit) error {
	for i, e := range c.Updates {
		update := j.Pending[i]
		update.Version, update.Weight = c.Version, c.Weight(e)
		j.Updates++
		if err := j.rows.Update(update); err != nil {
			return err
		}
	}
	j.Pending = j.Pending[:0]
	return nil
}

// write records open versions, oldest first, up to one that awaits its evaluation, but for the newest keep.
func (j *Journal) write(keep int) error {
	for len(j.Open) > keep && !j.Open[0].Awaits {
		row := j.Open[0].Row
		j.Open = append(j.Open[:0], j.Open[1:]...)
		j.Versions++
		if j.rows == nil {
			continue
		}
		if err := j.rows.Version(row); err != nil {
			return err
		}
	}
	return nil
}

// Measured takes in an evaluation of a version. Those of earlier versions cannot come any more.
func (j *Journal) Measured(version uint64, metrics problem.Metrics) error {
	for _, m := range metrics {
		series := j.Metrics[m.Name]
		if series == nil {
			series = &record.Series{Larger: problem.LargerIsBetter(m.Name)}
			j.Metrics[m.Name] = series
		}
		series.Add(version, m.Value)
	}
	j.Latest = metrics
	for i := range j.Open {
		if o := &j.Open[i]; o.Row.Version <= version {
			o.Awaits = false
			if o.Row.Version == version {
				o.Row.Metrics = metrics
			}
		}
	}
	return j.write(1)
}

// Newest is the newest version's row, nil before the first.
func (j *Journal) Newest() *record.VersionRow {
	if len(j.Open) == 0 {
		return nil
	}
	return &j.Open[len(j.Open)-1].Row
}

// Flush records all versions that are open; nothing can be measured any more.
func (j *Journal) Flush() error {
	for i := range j.Open {
		j.Open[i].Awaits = false
	}
	return j.write(0)
}

// Awaits says whether an evaluation is awaited.
func (j *Journal) Awaits() bool {
	for _, o := range j.Open {
		if o.Awaits {
			return true
		}
	}
	return false
}

// AwaitsNewest says whether the evaluation of the newest version is awaited.
func (j *Journal) AwaitsNewest() bool { return len(j.Open) > 0 && j.Open[len(j.Open)-1].Awaits }
