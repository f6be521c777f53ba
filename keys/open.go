package keys

import (
	"fmt"
	"net/url"

	"weir/config"
)

// Open loads the folder dir for a process of a cluster. Without a folder the cluster must be on loopback alone, or
// insecure must have been asked for; then Open returns nil. An existing NATS elsewhere must have TLS and credentials.
func Open(dir string, insecure bool, c config.Cluster) (*Folder, error) {
	if !insecure {
		if err := guarded(dir != "", c); err != nil {
			return nil, err
		}
	}
	if dir == "" {
		return nil, nil
	}
	return Load(dir)
}

// guarded says what of the cluster is open to strangers.
func guarded(keys bool, c config.Cluster) error {
	for _, n := range c.Nodes {
		if !keys && !config.IsLoopback(n.Host) {
			return fmt.Errorf("%s is on %s, which others can reach, and there are no keys: make them with `weir keys make` "+
				"and name a folder with --keys, or say --insecure on a network where everybody is trusted", n.ID, n.Host)
		}
	}
	if c.NATS.URL == "" {
		return nil
	}
	for _, each := range c.NATSURLs() {
		u, err := url.Parse(each)
		if err != nil {
			return err
		}
		if !config.IsLoopback(u.Hostname()) && (u.Scheme != "tls" || c.NATS.Credentials == "") {
			return fmt.Errorf("the NATS at %s is not on this machine: it must have TLS (nats.url: tls://...) and "+
				"nats.credentials, or say --insecure on a network where everybody is trusted", each)
		}
	}
	return nil
}
