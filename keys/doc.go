// Package keys makes and reads what the processes of a cluster prove to each other who they are with.
//
// A run has its own certificate authority. Its folders are copied one to a machine:
//
//	authority/  ca.pem ca.key users.json http.token      stays where it was made
//	NODE/       ca.pem identity.json nats.seed node.pem node.key users.json http.token
//	WORKER/     ca.pem identity.json nats.seed
//	operator/   ca.pem identity.json nats.seed http.token
//
// Only nodes have certificates: whoever shows one that the authority signed is a node, to raft and to the NATS servers
// of other nodes. Everybody checks the certificate of the node it connects to. Towards NATS people and processes prove
// themselves with an nkey (Ed25519), of which nats.seed is the secret half; users.json, on the nodes, holds the public
// halves and says what each is. Over HTTP they send http.token.
package keys

import (
	"time"

	"weir/config"
)

// Role is what somebody may do in a run.
type Role string

// The roles.
const (
	Node     Role = "node"     // coordinate
	Worker   Role = "worker"   // speak for its clients
	Operator Role = "operator" // give orders to the leader
)

// User is somebody who may connect.
type User struct {
	Name    string           `json:"name"`
	Role    Role             `json:"role"`
	Key     string           `json:"key"`              // public nkey
	Clients config.ClientIDs `json:"clients,omitzero"` // a worker's
}

// The files of a folder.
const (
	authorityFolder = "authority"
	operatorName    = "operator"

	authorityCert = "ca.pem"
	authorityKey  = "ca.key"
	nodeCert      = "node.pem"
	nodeKey       = "node.key"
	seedFile      = "nats.seed"
	identityFile  = "identity.json"
	usersFile     = "users.json"
	tokenFile     = "http.token"
)

const (
	authorityLife = 10 * 365 * 24 * time.Hour
	skew          = time.Hour // by which clocks may differ
)
