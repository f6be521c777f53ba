package config

import (
	"fmt"
	"net"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
)

// Cluster says on which machines a run's processes are. It is a file of its own: the same config runs on any cluster.
type Cluster struct {
	Run     string       `yaml:"run"` // sets this run's messages apart from others'; empty for the config's name
	Nodes   []Node       `yaml:"nodes"`
	Workers []Worker     `yaml:"workers"`
	NATS    ExistingNATS `yaml:"nats"`

	origin *origin // nil for a cluster that was not loaded
}

// Node is one coordinator node. The ports are those that the others connect to, the host is how they name the machine.
type Node struct {
	ID     string `yaml:"id"`
	Host   string `yaml:"host"`
	Raft   int    `yaml:"raft"`   // other nodes: the log
	NATS   int    `yaml:"nats"`   // workers: the run's messages
	Routes int    `yaml:"routes"` // other nodes: messages from one NATS server to the next
	HTTP   int    `yaml:"http"`   // people: status and metrics
}

// Worker is one worker process and the clients that it hosts.
type Worker struct {
	ID      string    `yaml:"id"`
	Clients ClientIDs `yaml:"clients"` // such as 0-12,20
}

// ExistingNATS is used instead of the server that each node embeds.
type ExistingNATS struct {
	URL         string `yaml:"url"`         // nats://host:4222 or tls://host:4222; several with commas between them
	Credentials string `yaml:"credentials"` // file with credentials or an nkey seed; relative to the cluster file
}

// The ports of a node that names none.
const (
	defaultRaft   = 7001
	defaultNATS   = 4222
	defaultRoutes = 6222
	defaultHTTP   = 8080
)

// LoadCluster reads the cluster file at path, as strictly as Load reads a config. All faults are returned together, each
// an *Error.
func LoadCluster(path string) (Cluster, error) {
	text, err := readFile(path)
	if err != nil {
		return Cluster{}, &Error{File: path, Err: err}
	}
	c := Cluster{origin: &origin{file: path}}
	s := newSource(reflect.TypeFor[Cluster](), path, "")
	if root := s.parse(text); root != nil {
		s.section(reflect.ValueOf(&c).Elem(), "", root, line(root))
	}
	c.origin.places = s.places
	if len(s.faults) > 0 {
		return c, list(s.faults)
	}
	for i := range c.Nodes {
		c.Nodes[i].settle()
	}
	if file := &c.NATS.Credentials; *file != "" {
		if !filepath.IsAbs(*file) {
			*file = filepath.Join(filepath.Dir(path), *file)
		}
		if *file, err = filepath.Abs(*file); err != nil {
			return c, c.fault("nats.credentials", "%w", err)
		}
	}
	return c, c.Validate()
}

func (n *Node) settle() {
	for _, port := range []struct {
		set      *int
		standard int
	}{{&n.Raft, defaultRaft}, {&n.NATS, defaultNATS}, {&n.Routes, defaultRoutes}, {&n.HTTP, defaultHTTP}} {
		if *port.set == 0 {
			*port.set = port.standard
		}
	}
}

// For returns the cluster as it runs a config: with its name, unless the cluster has one, and with each of its clients
// on one worker.
func (c Cluster) For(run Config) (Cluster, error) {
	if c.Run == "" {
		c.Run = run.Name
	}
	here := make([]bool, run.Clients.Count)
	var faults []error
	for i, w := range c.Workers {
		for id := range w.Clients.All() {
			if int64(id) >= int64(len(here)) {
				faults = append(faults, c.fault(fmt.Sprintf("workers[%d].clients", i),
					"client %d is not one of the config's: clients.count is %d, so they are 0-%d", id, len(here), len(here)-1))
				break
			}
			here[id] = true
		}
	}
	var missing []uint32
	for id, found := range here {
		if !found {
			missing = append(missing, uint32(id))
		}
	}
	if len(missing) > 0 {
		faults = append(faults, c.fault("workers", "no worker has clients %s: each of the %d is needed (clients.count)",
			shorten(NewClientIDs(missing).String()), len(here)))
	}
	return c, list(faults)
}

func (c Cluster) fault(key, format string, args ...any) error {
	return c.origin.fault(reflect.ValueOf(c), key, fmt.Errorf(format, args...))
}

// Node finds a node by its id.
func (c Cluster) Node(id string) (Node, bool) {
	for _, n := range c.Nodes {
		if n.ID == id {
			return n, true
		}
	}
	return Node{}, false
}

// Worker finds a worker by its id.
func (c Cluster) Worker(id string) (Worker, bool) {
	for _, w := range c.Workers {
		if w.ID == id {
			return w, true
		}
	}
	return Worker{}, false
}

// NATSURLs are where a worker connects: to any node, or to the existing NATS.
func (c Cluster) NATSURLs() []string {
	if c.NATS.URL != "" {
		return strings.Split(c.NATS.URL, ",")
	}
	var urls []string
	for _, n := range c.Nodes {
		urls = append(urls, n.NATSURL())
	}
	return urls
}

// NATSURL is where the node's embedded NATS server takes connections.
func (n Node) NATSURL() string { return "nats://" + hostPort(n.Host, n.NATS) }

// RaftAddr is where the node's raft takes connections.
func (n Node) RaftAddr() string { return hostPort(n.Host, n.Raft) }

// RoutesAddr is where the node's NATS server takes those of other nodes' servers.
func (n Node) RoutesAddr() string { return hostPort(n.Host, n.Routes) }

// HTTPAddr is where the node's status and metrics are.
func (n Node) HTTPAddr() string { return hostPort(n.Host, n.HTTP) }

// Bind is the host that the node listens on: loopback when its address is, else every interface of its machine, whose
// own name for itself may differ from what others call it.
func (n Node) Bind() string {
	if IsLoopback(n.Host) {
		return n.Host
	}
	return "0.0.0.0"
}

func hostPort(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

// IsLoopback reports whether a host is this machine and out of the reach of others.
func IsLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
