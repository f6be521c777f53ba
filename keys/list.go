package keys

import (
	"errors"
	"io/fs"
	"path/filepath"
	"time"
)

// Listed is somebody that an authority has made keys for.
type Listed struct {
	User
	Folder  string    `json:"folder,omitempty"` // empty when it is not here any more
	Expires time.Time `json:"expires,omitzero"`
	Fault   string    `json:"fault,omitempty"` // why the folder is of no use
}

// List says what there is in a folder that Make made.
func List(dir string) ([]Listed, error) {
	m, err := openMaker(dir, 0)
	if err != nil {
		return nil, err
	}
	var all []Listed
	for _, u := range m.users {
		l := Listed{User: u, Folder: filepath.Join(dir, u.Name)}
		if _, err := readFile(filepath.Join(l.Folder, identityFile)); errors.Is(err, fs.ErrNotExist) {
			l.Folder = ""
		} else if f, err := Load(l.Folder); err != nil {
			l.Fault = err.Error()
		} else {
			l.Expires = f.Expires
		}
		all = append(all, l)
	}
	return all, nil
}
