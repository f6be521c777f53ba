package scripts

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"weir/config"
)

// knowsFlags wants every flag in args to be one that the command has.
func knowsFlags(t *testing.T, where, role string, args []string) {
	t.Helper()
	help, err := exec.Command(binary(t), role, "--help").CombinedOutput()
	if err != nil {
		t.Fatalf("weir %s --help: %v\n%s", role, err, help)
	}
	for _, arg := range args {
		name, _, _ := strings.Cut(arg, "=")
		if strings.HasPrefix(name, "--") && !regexp.MustCompile(regexp.QuoteMeta(name)+`\b`).Match(help) {
			t.Errorf("%s: weir %s has no %s", where, role, name)
		}
	}
}

func TestUnits(t *testing.T) {
	dir := t.TempDir()
	for _, role := range []string{"coordinator", "worker"} {
		name := "weir-" + role + "@.service"
		text, err := os.ReadFile("systemd/" + name)
		if err != nil {
			t.Fatal(err)
		}
		_, start, found := strings.Cut(string(text), "\nExecStart=/usr/local/bin/weir "+role+" ")
		if !found {
			t.Fatalf("%s does not start weir %s", name, role)
		}
		line, _, _ := strings.Cut(start, "\n")
		knowsFlags(t, name, role, strings.Fields(line))
		here := strings.ReplaceAll(string(text), "/usr/local/bin/weir", binary(t))
		if err := os.WriteFile(filepath.Join(dir, name), []byte(here), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("no systemd-analyze here")
	}
	out, err := exec.Command("systemd-analyze", "verify", filepath.Join(dir, "weir-coordinator@.service"), filepath.Join(dir, "weir-worker@.service")).CombinedOutput()
	if err != nil || strings.Contains(string(out), dir) {
		t.Errorf("%v\n%s", err, out)
	}
}

// object is what the tests want of a Kubernetes object.
type object struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
	Metadata   struct {
		Name string `yaml:"name"`
	} `yaml:"metadata"`
	Spec struct {
		ClusterIP   string         `yaml:"clusterIP"`
		ServiceName string         `yaml:"serviceName"`
		Replicas    int            `yaml:"replicas"`
		Selector    map[string]any `yaml:"selector"`
		Ports       []struct {
			Name string `yaml:"name"`
			Port int    `yaml:"port"`
		} `yaml:"ports"`
		Template struct {
			Spec struct {
				Containers []container `yaml:"containers"`
				Volumes    []volume    `yaml:"volumes"`
			} `yaml:"spec"`
		} `yaml:"template"`
		MaxUnavailable int   `yaml:"maxUnavailable"`
		Claims         []any `yaml:"volumeClaimTemplates"`
	} `yaml:"spec"`
}

type container struct {
	Args  []string `yaml:"args"`
	Ports []struct {
		Name          string `yaml:"name"`
		ContainerPort int    `yaml:"containerPort"`
	} `yaml:"ports"`
	Liveness  probe `yaml:"livenessProbe"`
	Readiness probe `yaml:"readinessProbe"`
	Mounts    []struct {
		Name        string `yaml:"name"`
		SubPathExpr string `yaml:"subPathExpr"`
	} `yaml:"volumeMounts"`
}

type probe struct {
	HTTPGet struct {
		Path, Port, Scheme string
	} `yaml:"httpGet"`
}

type volume struct {
	Name   string `yaml:"name"`
	Secret struct {
		SecretName string `yaml:"secretName"`
		Items      []struct{ Key, Path string }
	} `yaml:"secret"`
}

func objects(t *testing.T) map[string]object {
	t.Helper()
	text, err := os.ReadFile("kubernetes/weir.yaml")
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]object)
	for _, document := range strings.Split(string(text), "\n---\n") {
		var o object
		if err := yaml.Unmarshal([]byte(document), &o); err != nil {
			t.Fatal(err)
		}
		if o.APIVersion == "" || o.Kind == "" || o.Metadata.Name == "" {
			t.Errorf("an object without apiVersion, kind or name: %+v", o)
		}
		found[o.Kind+" "+o.Metadata.Name] = o
	}
	return found
}

// TestManifests wants the manifests to say what the cluster file beside them says: pods, names, ports and keys.
func TestManifests(t *testing.T) {
	all := objects(t)
	cluster, err := config.LoadCluster("kubernetes/cluster.yaml")
	if err != nil {
		t.Fatal(err)
	}
	service, nodes, workers := all["Service weir-coordinator"], all["StatefulSet weir-coordinator"], all["StatefulSet weir-worker"]
	if service.Spec.ClusterIP != "None" || nodes.Spec.ServiceName != "weir-coordinator" || all["Service weir-worker"].Spec.ClusterIP != "None" {
		t.Error("without a headless service pods have no names")
	}
	if budget := all["PodDisruptionBudget weir-coordinator"]; budget.Spec.MaxUnavailable != (len(cluster.Nodes)-1)/2 {
		t.Errorf("%d nodes may be away, and %d are there", budget.Spec.MaxUnavailable, len(cluster.Nodes))
	}
	if nodes.Spec.Replicas != len(cluster.Nodes) || workers.Spec.Replicas != len(cluster.Workers) || len(nodes.Spec.Claims) != 1 || len(workers.Spec.Claims) != 1 {
		t.Errorf("%d and %d pods, each with a claim, and %d nodes and %d workers", nodes.Spec.Replicas, workers.Spec.Replicas, len(cluster.Nodes), len(cluster.Workers))
	}
	var pods, hands []string
	for i, n := range cluster.Nodes {
		pods = append(pods, fmt.Sprintf("weir-coordinator-%d", i))
		if n.ID != pods[i] || n.Host != n.ID+".weir-coordinator" {
			t.Errorf("node %s on %s is no pod of the service", n.ID, n.Host)
		}
		for at, port := range map[string]int{"raft": n.Raft, "nats": n.NATS, "routes": n.Routes, "http": n.HTTP} {
			if !slices.ContainsFunc(service.Spec.Ports, func(p struct {
				Name string `yaml:"name"`
				Port int    `yaml:"port"`
			},
			) bool {
				return p.Name == at && p.Port == port
			}) {
				t.Errorf("the service has no port %s, %d", at, port)
			}
		}
	}
	for i, w := range cluster.Workers {
		hands = append(hands, fmt.Sprintf("weir-worker-%d", i))
		if w.ID != hands[i] {
			t.Errorf("worker %s is no pod", w.ID)
		}
	}
	wantContainer(t, "coordinator", nodes, pods)
	wantContainer(t, "worker", workers, hands)
	c := nodes.Spec.Template.Spec.Containers[0]
	if c.Liveness.HTTPGet.Path != "/healthz" || c.Readiness.HTTPGet.Path != "/readyz" || c.Readiness.HTTPGet.Scheme != "HTTPS" {
		t.Errorf("probes: %+v, %+v", c.Liveness, c.Readiness)
	}
}

// wantContainer wants flags that exist, and each pod's keys, all of them, for that pod alone.
func wantContainer(t *testing.T, role string, o object, pods []string) {
	t.Helper()
	c := o.Spec.Template.Spec.Containers[0]
	if c.Args[0] != role {
		t.Errorf("%s runs weir %s", o.Metadata.Name, c.Args[0])
	}
	knowsFlags(t, o.Metadata.Name, role, c.Args[1:])
	alone := false
	for _, m := range c.Mounts {
		alone = alone || m.Name == "keys" && m.SubPathExpr == "$(POD)"
	}
	if !alone {
		t.Errorf("%s mounts the keys of others", o.Metadata.Name)
	}
	made := t.TempDir()
	if out, err := exec.Command(binary(t), "keys", "make", "kubernetes/cluster.yaml", "--out", made+"/keys").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var want, got []string
	for _, pod := range pods {
		files, err := os.ReadDir(filepath.Join(made, "keys", pod))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			want = append(want, fmt.Sprintf("%s.%s -> %s/%s", pod, f.Name(), pod, f.Name()))
		}
	}
	for _, v := range o.Spec.Template.Spec.Volumes {
		for _, item := range v.Secret.Items {
			got = append(got, item.Key+" -> "+item.Path)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%s mounts\n%s\nand weir keys makes\n%s", o.Metadata.Name, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	kustomization, err := os.ReadFile("kubernetes/kustomization.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range got {
		key, path, _ := strings.Cut(item, " -> ")
		if !strings.Contains(string(kustomization), "- "+key+"=keys/"+path+"\n") {
			t.Errorf("kustomization.yaml has no %s", key)
		}
	}
}
