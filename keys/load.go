package keys

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// maxFile bounds the files that are read: users of a run with thousands of workers.
const maxFile = 16 << 20

// Folder is what one process has to prove itself with. A nil *Folder stands for an insecure cluster: its TLS
// configurations are nil.
type Folder struct {
	User              // who its owner is
	Seed    string    // the file with the secret half of the nkey
	Users   []User    // everybody; only for a node
	Token   string    // for HTTP; not for a worker
	Expires time.Time // when the first of its certificates does
	ca      *x509.CertPool
	cert    *tls.Certificate // only for a node
}

// Load reads one of the folders that Make made, and checks that its certificates are good now.
func Load(dir string) (*Folder, error) {
	f := &Folder{ca: x509.NewCertPool(), Seed: filepath.Join(dir, seedFile)}
	if err := readJSON(filepath.Join(dir, identityFile), &f.User); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s: is no folder of keys that `weir keys` made for a node, a worker or the operator", dir)
		}
		return nil, err
	}
	now := time.Now()
	ca, err := readCert(filepath.Join(dir, authorityCert), now)
	if err != nil {
		return nil, err
	}
	f.ca.AddCert(ca)
	f.Expires = ca.NotAfter
	if _, err := os.Stat(f.Seed); err != nil {
		return nil, err
	}
	if f.Role != Worker {
		token, err := readFile(filepath.Join(dir, tokenFile))
		if err != nil {
			return nil, err
		}
		f.Token = strings.TrimSpace(string(token))
	}
	if f.Role == Node {
		return f, f.loadNode(dir, now)
	}
	return f, nil
}

func (f *Folder) loadNode(dir string, now time.Time) error {
	path := filepath.Join(dir, nodeCert)
	leaf, err := readCert(path, now)
	if err != nil {
		return err
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: f.ca, CurrentTime: now}); err != nil {
		return fmt.Errorf("%s: was not signed by the authority whose %s lies beside it", path, authorityCert)
	}
	pair, err := tls.LoadX509KeyPair(path, filepath.Join(dir, nodeKey))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	f.cert = &pair
	if leaf.NotAfter.Before(f.Expires) {
		f.Expires = leaf.NotAfter
	}
	return readJSON(filepath.Join(dir, usersFile), &f.Users)
}

// Peer is for connections between nodes, at both ends: each shows its certificate.
func (f *Folder) Peer() *tls.Config {
	if f == nil {
		return nil
	}
	c := f.Server()
	c.RootCAs, c.ClientCAs, c.ClientAuth = f.ca, f.ca, tls.RequireAndVerifyClientCert
	return c
}

// Server is for a node that takes connections of workers and people, who prove themselves by nkey or token.
func (f *Folder) Server() *tls.Config {
	if f == nil {
		return nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS13}
	if f.cert != nil {
		c.Certificates = []tls.Certificate{*f.cert}
	}
	return c
}

// Client is for connecting to a node.
func (f *Folder) Client() *tls.Config {
	if f == nil {
		return nil
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: f.ca}
}

func readFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s: is longer than %d MiB", path, maxFile>>20)
	}
	return text, err
}

func readJSON(path string, v any) error {
	text, err := readFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
