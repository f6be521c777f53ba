package record

import "weir/problem"

// VersionRow is one committed version: a line of versions.csv.
type VersionRow struct {
	Version       uint64
	Time          float64 // seconds since the run began: virtual in a simulation, real on a cluster
	Wall          float64 // real seconds since the run began
	Updates       int     // committed in this version
	Weight        float64 // sum of the weights they counted with, after normalisation
	StalenessMean float64
	StalenessMax  int
	TrainLoss     float64 // mean over the window's updates of the loss they trained at; NaN when the window had none
	BytesUp       uint64  // since the run began
	BytesDown     uint64  // since the run began
	// Contraction is 1 - ||C(p)-p||^2/||p||^2 as measured, ErrorNorm what each client still owes, ||e||_2: means over the
	// window's updates, NaN where nothing was compressed.
	Contraction float64
	ErrorNorm   float64
	Samples     uint64          // that the updates committed so far were made from, counted once a use
	Metrics     problem.Metrics // nil where the version was not evaluated
}

// UpdateRow is one update that reached the coordinator: a line of updates.csv. Times are seconds since the run began.
type UpdateRow struct {
	Client   int
	Seq      uint64
	Base     uint64  // version it was made from
	Assigned float64 // when the client was told to work; with a pipeline, when it had computed the round before
	Started  float64 // when it held the base and began to compute
	Finished float64 // when it had computed
	Arrived  float64
	Verdict  string // admitted, late, duplicate, refused
	Reason   string // why it was not admitted
	// Version is the version that the update was committed in; 0 for one that was not.
	Version   uint64
	Staleness int
	Weight    float64 // what the update was multiplied with, after normalisation
	Loss      float64
	Norm      float64 // ||delta||_2
	Samples   int
	Steps     int
	BytesUp   int
	BytesDown int
	// Contraction and ErrorNorm are as in VersionRow; 1 and 0 for an update that was not compressed. Eta is econtrol's
	// step, 0 for other rules.
	Contraction float64
	ErrorNorm   float64
	Eta         float64
	// Score is what the client was chosen by and Probability that of being drawn first; Components are those of
	// heteroselect's score: value, diversity, fairness, staleness, speed. NaN where the rule has no such thing.
	Score       float64
	Probability float64
	Components  [5]float64
	Density     float64 // share of the update that the client was told to send; 0 is as configured
}

// Summary is summary.json. Fields are added, never renamed.
type Summary struct {
	Name           string             `json:"name"`
	Kind           string             `json:"kind"` // sim, cluster
	Seed           uint64             `json:"seed"`
	Clients        int                `json:"clients"`
	Parameters     int                `json:"parameters"`
	Versions       uint64             `json:"versions"`
	WallSeconds    float64            `json:"wall_seconds"`
	VirtualSeconds float64            `json:"virtual_seconds"`
	WindowSeconds  float64            `json:"window_seconds,omitzero"` // between commits at the end, under fedfix
	StoppedBy      string             `json:"stopped_by"`              // versions, time, target, interrupt, diverged, error
	Error          string             `json:"error,omitempty"`
	ModelDigest    string             `json:"model_digest"`
	Metrics        map[string]Metric  `json:"metrics"`
	TimeToTarget   *TimeToTarget      `json:"time_to_target,omitempty"`
	Updates        UpdateCounts       `json:"updates"`
	Samples        uint64             `json:"samples"` // that the committed updates were made from, counted once a use
	Bytes          ByteCounts         `json:"bytes"`
	Staleness      StalenessSummary   `json:"staleness"`
	Bias           Bias               `json:"bias"`
	Time           TimeShares         `json:"time"`
	Feedback       *Feedback          `json:"feedback,omitempty"` // of a compressed run
	Theta          []float64          `json:"theta,omitempty"`
	XStarDistance  *float64           `json:"x_star_distance,omitempty"`
	Extra          map[string]float64 `json:"extra,omitempty"`
}

// Metric sums up one metric over a run's evaluations. Best is the largest for accuracies, the smallest for the rest.
type Metric struct {
	Best          float64 `json:"best"`
	Final         float64 `json:"final"`
	Last10Mean    float64 `json:"last10_mean"`
	Last50Mean    float64 `json:"last50_mean"`
	AtBestVersion uint64  `json:"at_best_version"`
}

// TimeToTarget is when the stop target was reached.
type TimeToTarget struct {
	Seconds  float64 `json:"seconds"`
	Versions uint64  `json:"versions"`
	BytesUp  uint64  `json:"bytes_up"`
}

// UpdateCounts counts updates by what became of them. Every update that was sent is admitted, refused, duplicate or
// late, or still on its way at the end of the run.
type UpdateCounts struct {
	Sent      uint64 `json:"sent"`
	Admitted  uint64 `json:"admitted"`
	Committed uint64 `json:"committed"`
	Refused   uint64 `json:"refused"`
	Duplicate uint64 `json:"duplicate"`
	Late      uint64 `json:"late"`
}

// ByteCounts counts bytes on the wire. The uncompressed figures are what dense float32 frames would have cost.
type ByteCounts struct {
	Up               uint64 `json:"up"`
	Down             uint64 `json:"down"`
	UpUncompressed   uint64 `json:"up_uncompressed"`
	DownUncompressed uint64 `json:"down_uncompressed"`
}

// Feedback sums up compression and its error memory.
type Feedback struct {
	ErrorNorm     float64 `json:"error_norm"`     // mean over the clients of ||e||_2 after each one's last update
	MeasuredDelta float64 `json:"measured_delta"` // mean contraction over all updates
	EpochsReset   uint64  `json:"epochs_reset"`   // feedback epochs that were begun anew
	Returned      uint64  `json:"returned"`       // updates that were not decoded, or late, and went back into error memory
}

// StalenessSummary describes the staleness of admitted updates, in versions. Histogram[s] counts staleness s; its last
// bin counts everything from there on.
type StalenessSummary struct {
	Mean      float64  `json:"mean"`
	P50       int      `json:"p50"`
	P95       int      `json:"p95"`
	Max       int      `json:"max"`
	Histogram []uint64 `json:"histogram"`
}

// Bias compares the share q_i/sum q that each client had in the model with its target p_i (arXiv 2206.10189).
type Bias struct {
	TotalVariation float64   `json:"total_variation"`
	Gini           float64   `json:"gini"`             // of the clients' numbers of committed updates: 0 is all alike, 1 is one client alone
	Share          []float64 `json:"share,omitempty"`  // when there are at most 1000 clients
	Target         []float64 `json:"target,omitempty"` // the same
	Classes        []Class   `json:"classes"`
}

// Class is a group of clients of like speed: the two classes of a two-class run, else quarters by cycle time.
type Class struct {
	Name          string  `json:"name"`
	Clients       int     `json:"clients"`
	Cycle         float64 `json:"cycle_seconds"` // median cycle time
	Participation float64 `json:"participation"` // share of all committed updates
	Share         float64 `json:"share"`         // achieved share of the model
	Target        float64 `json:"target"`        // share of the data
}

// TimeShares says what the clients that were given work did with their time; the three fractions add up to 1.
type TimeShares struct {
	Compute          float64 `json:"compute"`
	BlockedOnNetwork float64 `json:"blocked_on_network"`
	Idle             float64 `json:"idle"`
	Overlap          float64 `json:"overlap"` // 1 - blocked/(communication time); 1 when nothing was communicated
}
