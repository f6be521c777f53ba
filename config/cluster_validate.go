package config

import (
	"fmt"
	"net"
	"net/url"
	"strings"
)

// clusterCheck collects the faults of one cluster.
type clusterCheck struct {
	Cluster
	faults []error
}

func (c *clusterCheck) want(ok bool, key, format string, args ...any) {
	if !ok {
		c.faults = append(c.faults, c.fault(key, format, args...))
	}
}

// Validate returns every fault of c, each an *Error, or nil. That its workers have the clients of a config is for For to
// say.
func (c Cluster) Validate() error {
	check := &clusterCheck{Cluster: c}
	check.want(len(c.Run) <= maxNameBytes, "run", "must have at most %d bytes", maxNameBytes)
	check.want(len(c.Nodes) > 0, "nodes", "must list the coordinator nodes, such as [{id: node-1, host: 10.0.0.1}]")
	check.want(len(c.Nodes) <= maxNodes, "nodes", "must list at most %d: every node takes part in every decision", maxNodes)
	names := map[string]string{"operator": "", "authority": ""} // where each was used first
	addresses := make(map[string]string)
	for i, n := range c.Nodes {
		key := fmt.Sprintf("nodes[%d]", i)
		check.id(names, key+".id", n.ID)
		check.host(key+".host", n.Host)
		for _, port := range []struct {
			key  string
			port int
		}{{"raft", n.Raft}, {"nats", n.NATS}, {"routes", n.Routes}, {"http", n.HTTP}} {
			check.port(addresses, key+"."+port.key, n.Host, port.port)
		}
	}
	for i, w := range c.Workers {
		key := fmt.Sprintf("workers[%d]", i)
		check.id(names, key+".id", w.ID)
		check.want(w.Clients.Len() > 0, key+".clients", "must name the clients that the worker hosts, such as 0-12,20")
		for j, other := range c.Workers[:i] {
			if id, twice := w.Clients.shared(other.Clients); twice {
				check.want(false, key+".clients", "client %d is on workers[%d], %s, already", id, j, other.ID)
			}
		}
	}
	check.existing()
	return list(check.faults)
}

// id wants a name that is unique, and fit for a folder and a subject.
func (c *clusterCheck) id(names map[string]string, key, id string) {
	if id == "" || len(id) > maxNameBytes || !fits(id, nameLetters) {
		c.want(false, key, "must be a name of letters, digits, - and _, at most %d bytes", maxNameBytes)
		return
	}
	first, taken := names[id]
	c.want(!taken || first != "", key, "must be another name: this one is the folder of keys that is no node's")
	c.want(!taken || first == "", key, "is the name of %s already", first)
	names[id] = key
}

const nameLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

func (c *clusterCheck) host(key, host string) {
	isName := host != "" && fits(host, nameLetters+".") && !strings.HasPrefix(host, "-")
	c.want(isName || net.ParseIP(host) != nil, key,
		"must be the machine's name or IP address, without a port, as the other machines call it")
	ip := net.ParseIP(host)
	c.want(ip == nil || !ip.IsUnspecified(), key, "must be the address that others connect to, not one to listen on")
}

func (c *clusterCheck) port(addresses map[string]string, key, host string, port int) {
	if port < 1 || port > 65535 {
		c.want(false, key, "must be a port between 1 and 65535")
		return
	}
	at := hostPort(host, port)
	first, taken := addresses[at]
	c.want(!taken, key, "%s is the address of %s already", at, first)
	if !taken {
		addresses[at] = key
	}
}

func (c *clusterCheck) existing() {
	if c.NATS.URL == "" {
		c.want(c.NATS.Credentials == "", "nats.credentials", "is of no use without nats.url: the embedded server has its own keys")
		return
	}
	for _, each := range c.NATSURLs() {
		u, err := url.Parse(each)
		ok := err == nil && (u.Scheme == "nats" || u.Scheme == "tls") && u.Hostname() != "" && u.User == nil
		c.want(ok, "nats.url", "must be nats://host:4222, or tls://host:4222, or several with commas between them; "+
			"credentials belong into nats.credentials")
	}
}

// fits reports whether text has no letters but these.
func fits(text, letters string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return !strings.ContainsRune(letters, r) })
}
