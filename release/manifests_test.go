package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"gopkg.in/yaml.v3"
	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	policy "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	decode "k8s.io/apimachinery/pkg/util/yaml"
)

const deploy = "../deploy/"

// Each manifest is what Kubernetes takes: read as its API server does, a key that there is not is
// a mistake. What belongs together has the same names.
func TestTheManifestsAreKubernetes(t *testing.T) {
	files, err := filepath.Glob(deploy + "kubernetes/*.yaml")
	if err != nil || len(files) < 4 {
		t.Fatal(files, err)
	}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{apps.AddToScheme, autoscaling.AddToScheme, batch.AddToScheme,
		core.AddToScheme, policy.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	strict := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	kinds := map[string]int{}
	for _, file := range files {
		if filepath.Base(file) == "kustomization.yaml" {
			continue
		}
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		documents := decode.NewYAMLReader(bufio.NewReader(bytes.NewReader(raw)))
		for {
			document, err := documents.Read()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			object, kind, err := strict.Decode(merged(t, document), nil, nil)
			if err != nil {
				t.Errorf("%s: %v", file, err)
				continue
			}
			kinds[kind.Kind]++
			if scaler, ok := object.(*autoscaling.HorizontalPodAutoscaler); ok {
				adapted(t, scaler)
			}
		}
	}
	for _, kind := range []string{"Deployment", "Service", "Job", "CronJob", "HorizontalPodAutoscaler",
		"PodDisruptionBudget"} {
		if kinds[kind] != 1 {
			t.Errorf("%d of %s", kinds[kind], kind)
		}
	}
	var k struct {
		Resources []string `yaml:"resources"`
	}
	raw, err := os.ReadFile(deploy + "kubernetes/kustomization.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(raw, &k); err != nil || len(k.Resources) == 0 {
		t.Fatal(k, err)
	}
	for _, file := range k.Resources {
		if _, err := os.Stat(deploy + "kubernetes/" + file); err != nil {
			t.Error(err)
		}
	}
}

// merged resolves what YAML calls anchors and merge keys, as kubectl does.
func merged(t *testing.T, document []byte) []byte {
	t.Helper()
	var v any
	if err := yaml.Unmarshal(document, &v); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// adapted holds what a scaler looks at against what the adapter gives.
func adapted(t *testing.T, scaler *autoscaling.HorizontalPodAutoscaler) {
	t.Helper()
	adapter, err := os.ReadFile(deploy + "prometheus/adapter.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range scaler.Spec.Metrics {
		if m.External == nil || !bytes.Contains(adapter, []byte("name: {as: "+m.External.Metric.Name+"}")) {
			t.Errorf("the adapter gives no %+v", m)
		}
	}
}

// The compose file is one, with a value in each variable that it asks for, and hardened.
func TestTheComposeFile(t *testing.T) {
	options, err := cli.NewProjectOptions([]string{deploy + "compose/compose.yaml"},
		cli.WithEnv([]string{"WXCAST_APPID=wx0123456789abcdef"}), cli.WithoutEnvironmentResolution)
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"migrate", "wxcast"} {
		s, err := project.GetService(name)
		if err != nil {
			t.Fatal(err)
		}
		if !s.ReadOnly || len(s.CapDrop) != 1 || len(s.SecurityOpt) != 1 || s.Environment["WXCAST_SECRET"] != nil {
			t.Errorf("%s may do too much: %+v", name, s)
		}
	}
	main, err := project.GetService("wxcast")
	if err != nil {
		t.Fatal(err)
	}
	if main.DependsOn["migrate"].Condition != types.ServiceConditionCompletedSuccessfully || len(main.Ports) != 1 ||
		main.Ports[0].HostIP != "127.0.0.1" {
		t.Errorf("%+v", main)
	}
	// Each of its variables is a setting.
	settings, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range main.Environment {
		if !bytes.Contains(settings, []byte("`"+name+"`")) &&
			!bytes.Contains(settings, []byte("`"+strings.TrimSuffix(name, "_FILE")+"`")) {
			t.Errorf("%s is no setting", name)
		}
	}
}

// The forge does what make does: each target that a workflow names is there.
func TestTheWorkflowsCallMake(t *testing.T) {
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../.github/workflows/*.yml")
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	var all string
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var w struct {
			Jobs map[string]struct {
				Timeout  int `yaml:"timeout-minutes"`
				Strategy struct {
					Matrix struct {
						Target []string `yaml:"target"`
					} `yaml:"matrix"`
				} `yaml:"strategy"`
				Steps []struct {
					Run string `yaml:"run"`
				} `yaml:"steps"`
			} `yaml:"jobs"`
		}
		if err := yaml.Unmarshal(raw, &w); err != nil || len(w.Jobs) == 0 {
			t.Fatalf("%s: %v", file, err)
		}
		for name, job := range w.Jobs {
			if job.Timeout == 0 {
				t.Errorf("%s: %s has no end", file, name)
			}
			all += " make " + strings.Join(job.Strategy.Matrix.Target, " make ")
			for _, step := range job.Steps {
				all += " " + step.Run
			}
		}
	}
	named := regexp.MustCompile(`\bmake ([a-z-]+)`).FindAllStringSubmatch(all, -1)
	for _, m := range named {
		if !regexp.MustCompile(`(?m)^` + m[1] + `:`).Match(makefile) {
			t.Errorf("there is no target %s", m[1])
		}
	}
	script, err := os.ReadFile("../.ci/run")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^make ([a-z-]+)$`).FindAllStringSubmatch(string(script), -1) {
		if m[1] != "build" && !strings.Contains(all, "make "+m[1]) {
			t.Errorf("no workflow calls make %s, as .ci/run does", m[1])
		}
	}
}

// What the dashboard asks Prometheus is PromQL, of metrics that there are.
func TestTheDashboardAsksWhatThereIs(t *testing.T) {
	raw, err := os.ReadFile(deploy + "grafana/wxcast.json")
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Panels []struct {
			Title   string `json:"title"`
			Targets []struct {
				Expr string `json:"expr"`
			} `json:"targets"`
		} `json:"panels"`
	}
	if err := json.Unmarshal(raw, &d); err != nil {
		t.Fatal(err)
	}
	type rule struct {
		Record string `yaml:"record"`
		Expr   string `yaml:"expr"`
	}
	var rules []rule
	for _, p := range d.Panels {
		for _, one := range p.Targets {
			expr := strings.NewReplacer("$account", "shop", "$api", ".*").Replace(one.Expr)
			rules = append(rules, rule{"wxcast:panel", expr})
			if strings.Contains(expr, "$") {
				t.Errorf("%s: a variable that there is not: %s", p.Title, one.Expr)
			}
		}
	}
	if len(rules) < 15 {
		t.Fatalf("%d expressions", len(rules))
	}
	file := filepath.Join(t.TempDir(), "rules.yaml")
	text, err := yaml.Marshal(map[string]any{"groups": []any{map[string]any{"name": "panels", "rules": rules}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "promtool", "check", "rules", "--lint=none", file).CombinedOutput(); err != nil {
		if _, missing := exec.LookPath("promtool"); missing != nil {
			left(t, "promtool")
		}
		t.Errorf("%v\n%s", err, out)
	}
}
