// Package deploy_test looks at the files that operators copy.
package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// The units let wxcast do as little as it needs: below 2 of systemd's 10.
func TestTheUnitsAreHardened(t *testing.T) {
	units, err := filepath.Glob("systemd/*.service")
	if err != nil || len(units) < 2 {
		t.Fatal(units, err)
	}
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd-analyze is not here")
	}
	for _, unit := range units {
		out, err := exec.CommandContext(t.Context(), "systemd-analyze", "security", "--offline=true", unit).CombinedOutput()
		found := regexp.MustCompile(`exposure level for \S+: ([0-9.]+)`).FindSubmatch(out)
		if found == nil {
			t.Skipf("systemd-analyze does not judge files here: %v", err)
		}
		if level, err := strconv.ParseFloat(string(found[1]), 64); err != nil || level >= 2 {
			t.Errorf("%s scores %s, want less than 2", unit, found[1])
		}
	}
}

// Rules and the dashboard are of metrics that there are; that each rule fires, and that each panel
// is PromQL, is tried by make release-test.
func TestWhatIsWatchedAreOurMetrics(t *testing.T) {
	var rules []byte
	for _, file := range []string{"prometheus/alerts.yaml", "prometheus/rules.yaml", "prometheus/adapter.yaml",
		"grafana/wxcast.json"} {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		rules = append(rules, raw...)
	}
	var known strings.Builder
	sources, err := filepath.Glob("../internal/metrics/*.go")
	if err != nil || len(sources) == 0 {
		t.Fatal(sources, err)
	}
	for _, source := range sources {
		raw, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		known.Write(raw)
	}
	named := regexp.MustCompile(`wxcast_[a-z_]+`).FindAllString(string(rules), -1)
	for _, name := range named {
		recorded := name == "wxcast_sent" || name == "wxcast_pace" || name == "wxcast_pace_asked_to_sent" // by rules.yaml
		name = strings.TrimSuffix(name, "_bucket")
		if !recorded && !strings.Contains(known.String(), `"`+name+`"`) {
			t.Errorf("there is no metric %s", name)
		}
	}
	if len(named) < 8 {
		t.Errorf("%d metrics are named in the rules, want all that they are about", len(named))
	}
}

// No container runs as root, with a right too many, or with secrets in its environment.
func TestTheManifestsAreHardened(t *testing.T) {
	files, err := filepath.Glob("kubernetes/*.yaml")
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := string(raw)
		if !strings.Contains(text, "containers:") {
			continue
		}
		for _, want := range []string{"capabilities: {drop: [ALL]}", "seccompProfile: {type: RuntimeDefault}",
			"readOnlyRootFilesystem: true", "runAsNonRoot: true", "allowPrivilegeEscalation: false",
			"automountServiceAccountToken: false", "emptyDir: {sizeLimit:", "_FILE"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %s", file, want)
			}
		}
		if strings.Contains(text, "secretKeyRef") || strings.Contains(text, "envFrom") {
			t.Errorf("%s puts secrets into the environment", file)
		}
	}
}
