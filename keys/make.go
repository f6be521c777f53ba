package keys

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/nats-io/nkeys"

	"weir/config"
)

// Made is a folder that was made or changed.
type Made struct {
	User
	Folder  string    `json:"folder"`
	Host    string    `json:"host,omitempty"` // a node's machine
	Expires time.Time `json:"expires"`
	Changed bool      `json:"changed"` // it was there, and its list of users is new
}

// Make makes an authority, and folders for everybody in the cluster, in a new folder dir. Certificates of nodes are good
// for life.
func Make(dir string, c config.Cluster, life time.Duration) ([]Made, error) {
	if _, err := os.Lstat(dir); err == nil {
		return nil, fmt.Errorf("%s: exists already and is left as it is: `weir keys add` brings it up to date, "+
			"and another --out makes another authority", dir)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return nil, err
	}
	unfinished, err := os.MkdirTemp(filepath.Dir(dir), ".keys-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(unfinished) //nolint:errcheck // it is gone when all went well
	if err := makeAuthority(filepath.Join(unfinished, authorityFolder)); err != nil {
		return nil, err
	}
	made, err := Add(unfinished, c, life, nil)
	if err != nil {
		return nil, err
	}
	for i := range made {
		made[i].Folder = filepath.Join(dir, filepath.Base(made[i].Folder))
	}
	return made, os.Rename(unfinished, dir)
}

func makeAuthority(dir string) error {
	_, cert, key, err := newAuthority(time.Now())
	if err != nil {
		return err
	}
	return writeFolder(dir, map[string][]byte{
		authorityCert: cert,
		authorityKey:  key,
		tokenFile:     []byte(randomToken() + "\n"),
		usersFile:     encode([]User{}),
	})
}

func randomToken() string {
	secret := make([]byte, 32)
	rand.Read(secret) //nolint:errcheck // never fails
	return base64.RawURLEncoding.EncodeToString(secret)
}

// Add brings the folders in dir in line with the cluster: it makes those that are missing and those to be renewed, and
// every node gets the new list of users, on which who has left the cluster is not.
func Add(dir string, c config.Cluster, life time.Duration, renew []string) ([]Made, error) {
	m, err := openMaker(dir, life)
	if err != nil {
		return nil, err
	}
	wanted := members(c)
	for _, name := range renew {
		if !slices.ContainsFunc(wanted, func(w Made) bool { return w.Name == name }) {
			return nil, fmt.Errorf("%s: is nobody in the cluster file", name)
		}
	}
	var made []Made
	var users []User
	for _, w := range wanted {
		at := slices.IndexFunc(m.users, func(u User) bool { return u.Name == w.Name && u.Role == w.Role })
		if at < 0 || slices.Contains(renew, w.Name) {
			if err := m.make(&w, at >= 0); err != nil {
				return nil, err
			}
			made = append(made, w)
		} else {
			w.Key = m.users[at].Key
		}
		users = append(users, w.User)
	}
	if bytes.Equal(encode(users), encode(m.users)) {
		return made, nil
	}
	for _, w := range wanted {
		isNew := slices.ContainsFunc(made, func(n Made) bool { return n.Name == w.Name })
		if w.Role != Node {
			continue
		}
		if err := replace(filepath.Join(dir, w.Name, usersFile), encode(users)); err != nil {
			return nil, err
		}
		if !isNew {
			w.Folder, w.Changed = filepath.Join(dir, w.Name), true
			made = append(made, w)
		}
	}
	return made, replace(filepath.Join(dir, authorityFolder, usersFile), encode(users))
}

// members are everybody in the cluster, and who operates it.
func members(c config.Cluster) []Made {
	var all []Made
	for _, n := range c.Nodes {
		all = append(all, Made{User: User{Name: n.ID, Role: Node}, Host: n.Host})
	}
	for _, w := range c.Workers {
		all = append(all, Made{User: User{Name: w.ID, Role: Worker, Clients: w.Clients}})
	}
	return append(all, Made{User: User{Name: operatorName, Role: Operator}})
}

// maker makes folders in dir.
type maker struct {
	dir       string
	life      time.Duration
	authority authority
	cert      []byte // the authority's, as in its file
	token     []byte
	users     []User
}

func openMaker(dir string, life time.Duration) (*maker, error) {
	home := filepath.Join(dir, authorityFolder)
	m := &maker{dir: dir, life: life}
	var err error
	if m.authority, err = loadAuthority(home, time.Now()); err != nil {
		return nil, err
	}
	if m.cert, err = readFile(filepath.Join(home, authorityCert)); err != nil {
		return nil, err
	}
	if m.token, err = readFile(filepath.Join(home, tokenFile)); err != nil {
		return nil, err
	}
	return m, readJSON(filepath.Join(home, usersFile), &m.users)
}

// make makes a folder for w and fills in what is known of it then.
func (m *maker) make(w *Made, again bool) error {
	w.Folder = filepath.Join(m.dir, w.Name)
	if _, err := os.Lstat(w.Folder); err == nil && !again {
		return fmt.Errorf("%s: is there already, and not of this authority: it is left as it is", w.Folder)
	}
	pair, err := nkeys.CreateUser()
	if err != nil {
		return err
	}
	if w.Key, err = pair.PublicKey(); err != nil {
		return err
	}
	seed, err := pair.Seed()
	if err != nil {
		return err
	}
	w.Expires = m.authority.cert.NotAfter
	files := map[string][]byte{
		authorityCert: m.cert,
		seedFile:      append(seed, '\n'),
		identityFile:  encode(User{Name: w.Name, Role: w.Role, Key: w.Key}), // its clients may change
	}
	if w.Role != Worker {
		files[tokenFile] = m.token
	}
	if w.Role == Node {
		now := time.Now()
		if until := now.Add(m.life); until.Before(w.Expires) {
			w.Expires = until
		}
		w.Expires = w.Expires.UTC().Truncate(time.Second)
		files[nodeCert], files[nodeKey], err = m.authority.node(w.Name, w.Host, now.Add(-skew), w.Expires)
		if err != nil {
			return err
		}
		files[usersFile] = encode([]User{}) // Add writes the list when it is known
	}
	return writeFolder(w.Folder, files)
}

// writeFolder writes a folder whole or not at all, in place of one of that name.
func writeFolder(dir string, files map[string][]byte) error {
	unfinished, err := os.MkdirTemp(filepath.Dir(dir), ".keys-") // for its owner only
	if err != nil {
		return err
	}
	defer os.RemoveAll(unfinished) //nolint:errcheck // it is gone when all went well
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(unfinished, name), content, 0o600); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.Rename(unfinished, dir)
}

// replace writes a file whole or not at all. The folder may have been moved away: then it is made anew.
func replace(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", content, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

func encode(v any) []byte {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err) // plain values
	}
	return append(b, '\n')
}
