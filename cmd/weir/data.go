package main

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/schollz/progressbar/v3"
)

// dataFolder is the flag of every command that reads data sets.
type dataFolder struct {
	Data string `env:"WEIR_DATA" default:"data" placeholder:"DIR" help:"Where data sets lie, one folder each (default: data)."`
}

type dataCmd struct {
	List dataListCmd `cmd:"" help:"Show the data sets that weir knows, and which of them are here."`
	Get  dataGetCmd  `cmd:"" help:"Download a data set and check it."`
}

type dataListCmd struct {
	dataFolder
	Verify bool `help:"Compare the files with their checksums."`
}

func (dataListCmd) Help() string {
	return `Example:
  weir data list --data ../shared/data --verify`
}

// Run prints one line a data set.
func (c *dataListCmd) Run(term terminal) error {
	table := tabwriter.NewWriter(term.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tSIZE\tHERE\tLICENCE\tCONTENT")
	var damaged error
	for _, d := range dataSets {
		state, err := d.state(c.Data, c.Verify)
		damaged = errors.Join(damaged, err)
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", d.name, bytes(d.size()), state, d.licence, d.about)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(term.out, "folder: %s (change it with --data or WEIR_DATA); get one with: weir data get NAME\n", c.Data)
	return damaged
}

// state says whether a data set is here; with verify, whether it is intact.
func (d dataSet) state(dir string, verify bool) (string, error) {
	var damaged error
	for _, f := range d.files {
		path, err := f.find(filepath.Join(dir, d.name))
		if err != nil {
			return "no", nil
		}
		if verify {
			damaged = errors.Join(damaged, f.check(path))
		}
	}
	switch {
	case damaged != nil:
		return "damaged", damaged
	case verify:
		return "intact", nil
	}
	return "yes", nil
}

// size is that of the uncompressed files.
func (d dataSet) size() uint64 {
	var total int64
	for _, f := range d.files {
		total += f.size
	}
	return uint64(total)
}

// find returns where the file lies in dir, as it is or compressed.
func (f dataFile) find(dir string) (string, error) {
	path := filepath.Join(dir, f.name)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	_, err := os.Stat(path + ".gz")
	return path + ".gz", err
}

// check compares the file at path with its checksum.
func (f dataFile) check(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // nothing was written
	if err := f.compare(file, strings.HasSuffix(path, ".gz")); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// compare reads a file's content, which may be compressed, and checks that it is what was published.
func (f dataFile) compare(r io.Reader, compressed bool) error {
	if compressed {
		unzipped, err := gzip.NewReader(r)
		if err != nil {
			return err
		}
		r = unzipped
	}
	sum := sha256.New()
	n, err := io.Copy(sum, io.LimitReader(r, f.size+1))
	if err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); n != f.size || got != f.sha256 {
		return fmt.Errorf("is not the published file: sha256 %s, want %s", got, f.sha256)
	}
	return nil
}

type dataGetCmd struct {
	Name string `arg:"" help:"A name that weir data list shows."`
	dataFolder
	Quiet bool `short:"q" help:"Show no progress."`
}

func (dataGetCmd) Help() string {
	return `Files that are here and intact are not downloaded again.

Example:
  weir data get fashion-mnist`
}

// Run downloads the files of a data set that are missing or damaged.
func (c *dataGetCmd) Run(ctx context.Context, term terminal) error {
	set, err := findDataSet(c.Name)
	if err != nil {
		return err
	}
	dir := filepath.Join(c.Data, set.name)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	shown := term.err
	if c.Quiet {
		shown = io.Discard
	}
	for _, f := range set.files {
		if path, err := f.find(dir); err == nil && f.check(path) == nil {
			fmt.Fprintf(shown, "%s is here and intact\n", path)
			continue
		}
		if err := f.download(ctx, dir, shown); err != nil {
			return fmt.Errorf("%s: %w\n  without a network: bring that file by other means and put it, compressed or not, into %s", f.url, err, dir)
		}
	}
	return nil
}

func findDataSet(name string) (dataSet, error) {
	var names []string
	for _, d := range dataSets {
		if d.name == name {
			return d, nil
		}
		names = append(names, d.name)
	}
	return dataSet{}, usage("no data set called %q: weir knows %s", name, strings.Join(names, ", "))
}

// download fetches the file into dir: whole and checked, or not at all.
func (f dataFile) download(ctx context.Context, dir string, shown io.Writer) error {
	response, err := fetch(ctx, f.url)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // nothing was written
	path := filepath.Join(dir, filepath.Base(f.url))
	part, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(part.Name()) //nolint:errcheck // gone once renamed
	bar := downloadBar(shown, filepath.Base(path), response.ContentLength)
	limited := io.LimitReader(response.Body, f.size+1<<20) // compressed files are smaller than their content
	if _, err := io.Copy(io.MultiWriter(part, bar), limited); err != nil {
		return errors.Join(err, part.Close())
	}
	if _, err := part.Seek(0, io.SeekStart); err != nil {
		return errors.Join(err, part.Close())
	}
	err = f.compare(part, strings.HasSuffix(path, ".gz"))
	if err := errors.Join(err, part.Chmod(0o644), part.Sync(), part.Close()); err != nil {
		return err
	}
	return os.Rename(part.Name(), path)
}

// downloadBar shows how much of a file of size bytes has come; size is -1 where the server does not say.
func downloadBar(out io.Writer, name string, size int64) io.Writer {
	if !isTerminal(out) {
		fmt.Fprintf(out, "downloading %s\n", name)
		return io.Discard
	}
	return progressbar.NewOptions64(size, progressbar.OptionSetWriter(out), progressbar.OptionSetDescription(name),
		progressbar.OptionShowBytes(true), progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionOnCompletion(func() { fmt.Fprintln(out) }))
}

func fetch(ctx context.Context, url string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: 20 * time.Second, ResponseHeaderTimeout: 30 * time.Second,
		DisableCompression: true, // the checksum is that of the file as it is published
	}}
	response, err := client.Do(request)
	if err != nil {
		return nil, errors.Unwrap(err) // without the method and the address, which the caller names
	}
	if response.StatusCode != http.StatusOK {
		return nil, errors.Join(errors.New("the server answered "+response.Status), response.Body.Close())
	}
	return response, nil
}
