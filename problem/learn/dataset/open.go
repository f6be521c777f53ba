package dataset

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// known are the data sets with a name of their own: a folder of the data folder, and the form of its files.
var known = map[string]string{
	"mnist":         "idx:mnist",
	"fashion-mnist": "idx:fashion-mnist",
	"a9a":           "libsvm:a9a/a9a",
	"w8a":           "libsvm:w8a/w8a",
	"shakespeare":   "text:shakespeare/input.txt",
}

// Options are what a set depends on besides its name.
type Options struct {
	Folder  string // where the sets that are known by name lie, one folder each
	Seed    uint64 // synthetic: draws the samples
	Context int    // text: symbols of a sample
}

// Open reads the data set called name: synthetic, a known name, or a form and a path: idx:DIR, libsvm:FILE, text:FILE.
// Errors are of one line and say what would be right.
func Open(name string, opt Options) (*Set, error) {
	if name == "synthetic" {
		return synthetic(opt.Seed), nil
	}
	form, path, isFile := strings.Cut(name, ":")
	path = strings.TrimSuffix(path, ".gz") // files are found with and without
	if !isFile {
		place, found := known[name]
		if !found {
			names := slices.Sorted(func(yield func(string) bool) {
				for n := range known {
					if !yield(n) {
						return
					}
				}
			})
			return nil, fmt.Errorf("must be synthetic, %s, or idx:DIR, libsvm:FILE or text:FILE", strings.Join(names, ", "))
		}
		form, path, _ = strings.Cut(place, ":")
		path = filepath.Join(opt.Folder, path)
	}
	set, err := read(form, path, opt)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !isFile:
		return nil, fmt.Errorf("%w; get it with: weir data get %s (or say where data sets lie: --data DIR or WEIR_DATA)", err, name)
	case err != nil:
		return nil, err
	}
	set.Name = name
	if isFile {
		set.Name = filepath.Base(path)
	}
	return set, set.check()
}

func read(form, path string, opt Options) (*Set, error) {
	switch form {
	case "idx":
		return readIDX(path)
	case "libsvm":
		return readLibsvm(path)
	case "text":
		return readText(path, opt.Context)
	}
	return nil, fmt.Errorf("%q is no form of a data set: must be idx:DIR, libsvm:FILE or text:FILE", form)
}
