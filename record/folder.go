package record

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"weir/atomicfile"
)

const (
	configFile   = "config.yaml"
	versionsFile = "versions.csv"
	updatesFile  = "updates.csv"
	summaryFile  = "summary.json"
	modelFile    = "model.safetensors"
	reportFile   = "report.html"
)

// ErrHoldsRun is wrapped by the error of Create for a folder that already holds a run.
var ErrHoldsRun = errors.New("the folder already holds a run")

// flushEvery bounds how much of a run a killed process loses: rows older than this are in the files' hands by the next
// version.
const flushEvery = time.Second

// Run writes the folder of a run that is going on. Its methods are for one goroutine at a time.
type Run struct {
	Dir    string
	Config []byte // config.yaml

	versions *table
	updates  *table
	metrics  []string // the metric columns of versions.csv, in order
	flushed  time.Time
}

// Create makes the folder of a new run, with its parents, and writes config, the resolved YAML, into it. A folder that
// holds any file of a run is refused with ErrHoldsRun.
func Create(dir string, config []byte) (*Run, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("creating the run's folder: %w", err)
	}
	for _, name := range []string{configFile, versionsFile, updatesFile, summaryFile} {
		if _, err := os.Lstat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s: %w (%s): choose another with --out, or go on with an interrupted run with --resume %s", dir, ErrHoldsRun, name, dir)
		}
	}
	if err := atomicfile.WriteBytes(filepath.Join(dir, configFile), config); err != nil {
		return nil, fmt.Errorf("creating the run's folder: %w", err)
	}
	return openRun(dir, config)
}

// Reopen goes on with the run in dir, after its last whole row; Rewind drops rows that are to be made again.
func Reopen(dir string) (*Run, error) {
	config, err := os.ReadFile(filepath.Join(dir, configFile))
	if err != nil {
		return nil, fmt.Errorf("reopening the run: %w", err)
	}
	r, err := openRun(dir, config)
	if err != nil {
		return nil, fmt.Errorf("reopening the run: %w", err)
	}
	return r, nil
}

func openRun(dir string, config []byte) (*Run, error) {
	r := &Run{Dir: dir, Config: config}
	var err error
	if r.versions, err = openTable(filepath.Join(dir, versionsFile), versionColumns); err != nil {
		return nil, err
	}
	if r.updates, err = openTable(filepath.Join(dir, updatesFile), updateColumns); err != nil {
		return nil, errors.Join(err, r.versions.close())
	}
	r.metrics = slices.Clone(r.versions.columns[len(versionColumns):])
	return r, nil
}

// Version records a committed version. A metric that no earlier row had becomes a new column.
func (r *Run) Version(v VersionRow) error {
	if err := r.addMetrics(v); err != nil {
		return fmt.Errorf("recording version %d: %w", v.Version, err)
	}
	if err := r.versions.write(appendVersion(r.versions.line[:0], v, r.metrics)); err != nil {
		return fmt.Errorf("recording version %d: %w", v.Version, err)
	}
	if now := time.Now(); now.Sub(r.flushed) >= flushEvery {
		r.flushed = now
		return r.Flush()
	}
	return nil
}

func (r *Run) addMetrics(v VersionRow) error {
	var added []string
	for _, m := range v.Metrics {
		if slices.Contains(r.metrics, m.Name) || slices.Contains(added, m.Name) {
			continue
		}
		if slices.Contains(versionColumns, m.Name) {
			return fmt.Errorf("%s has a column of its own called %s: a metric needs another name", versionsFile, m.Name)
		}
		added = append(added, m.Name)
	}
	if added == nil {
		return nil
	}
	if err := r.versions.widen(added); err != nil {
		return err
	}
	r.metrics = append(r.metrics, added...)
	return nil
}

// Update records an update that reached the coordinator.
func (r *Run) Update(u UpdateRow) error {
	if err := r.updates.write(appendUpdate(r.updates.line[:0], u)); err != nil {
		return fmt.Errorf("recording an update of client %d: %w", u.Client, err)
	}
	return nil
}

// Rewind drops every row past the first versions and updates rows, so that a resumed run writes them anew. The summary
// of the interrupted run goes too: should this one be killed, it would not be true of the rows.
func (r *Run) Rewind(versions, updates int) error {
	err := errors.Join(r.versions.rewind(versions), r.updates.rewind(updates))
	if err == nil {
		err = os.Remove(filepath.Join(r.Dir, summaryFile))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("rewinding the record: %w", err)
	}
	return nil
}

// Flush hands every row so far to the operating system. A run that writes a checkpoint calls it first, so that the
// record never ends before the checkpoint does.
func (r *Run) Flush() error {
	return errors.Join(r.versions.flush(), r.updates.flush())
}

// Finish writes what the run came to and closes the folder: the rows, the model in whichever arithmetic it has,
// summary.json, and the report.
func (r *Run) Finish(s Summary, model32 []float32, model64 []float64) error {
	if err := r.Close(); err != nil {
		return err
	}
	if err := writeModel(filepath.Join(r.Dir, modelFile), model32, model64, s.ModelDigest); err != nil {
		return fmt.Errorf("writing the model: %w", err)
	}
	if err := writeSummary(filepath.Join(r.Dir, summaryFile), s); err != nil {
		return fmt.Errorf("writing the summary: %w", err)
	}
	l, err := Open(r.Dir)
	if err != nil {
		return err
	}
	return WriteReport(filepath.Join(r.Dir, reportFile), []*Loaded{l}, nil)
}

// Close flushes and closes the row files. It may be called twice.
func (r *Run) Close() error {
	return errors.Join(r.versions.close(), r.updates.close())
}

// Frozen are the rows of a run up to a moment. They can be read while the run goes on.
type Frozen struct {
	Versions, Updates io.Reader
	files             []*os.File
}

// Freeze returns the rows as they are.
func (r *Run) Freeze() (*Frozen, error) {
	if err := r.Flush(); err != nil {
		return nil, err
	}
	f := new(Frozen)
	for _, t := range []struct {
		table *table
		to    *io.Reader
	}{{r.versions, &f.Versions}, {r.updates, &f.Updates}} {
		file, err := os.Open(t.table.path)
		if err != nil {
			f.Close()
			return nil, err
		}
		f.files = append(f.files, file)
		info, err := file.Stat()
		if err != nil {
			f.Close()
			return nil, err
		}
		*t.to = io.NewSectionReader(file, 0, info.Size())
	}
	return f, nil
}

// Close ends the reading.
func (f *Frozen) Close() {
	for _, file := range f.files {
		file.Close()
	}
}

// Replace puts other rows in the place of the run's, those of its versions and then those of its updates, and returns the
// run to go on with. The run itself is closed.
func (r *Run) Replace(versions io.Reader, updates func() io.Reader) (*Run, error) {
	if err := r.Close(); err != nil {
		return nil, err
	}
	put := func(name string, rows io.Reader) error {
		return atomicfile.Write(filepath.Join(r.Dir, name), func(w io.Writer) error {
			_, err := io.Copy(w, rows)
			return err
		})
	}
	if err := put(versionsFile, versions); err != nil {
		return nil, err
	}
	if err := put(updatesFile, updates()); err != nil {
		return nil, err
	}
	return Reopen(r.Dir)
}

// Move puts the record of a finished run, which lies in from, into to.
func Move(from, to string) error {
	for _, name := range []string{configFile, versionsFile, updatesFile, summaryFile, modelFile} {
		if err := os.Rename(filepath.Join(from, name), filepath.Join(to, name)); err != nil {
			return fmt.Errorf("moving a run's record: %w", err)
		}
	}
	return nil
}
