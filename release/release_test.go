package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// wanted tells that a test wanted the artefacts.
var wanted bool

// built is a release of this platform alone: of the others nothing more could be tried here.
var built = sync.OnceValues(func() (release, error) {
	wanted = true
	out, err := os.MkdirTemp("", "wxcast-artefacts-")
	if err != nil {
		return release{}, err
	}
	return one(out)
})

func one(out string) (release, error) {
	r := release{version: "0.0.7", source: "..", out: out, at: time.Unix(1_795_000_000, 0).UTC()}
	only := platform{"linux", here.Arch}
	return r, errors.Join(os.MkdirAll(out, 0o755), r.build(context.Background(), only.String()))
}

func TestMain(m *testing.M) {
	code := m.Run()
	if wanted {
		if r, err := built(); err == nil {
			_ = os.RemoveAll(r.out)
		}
	}
	os.Exit(code)
}

// left leaves a test out that this machine cannot do; where CI is set, it must.
func left(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}

func artefacts(t *testing.T) release {
	t.Helper()
	if here.OS != "linux" {
		left(t, "packages and images are tried on Linux")
	}
	r, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Whoever builds a commit again has the same bytes, and can tell whether an artefact is what it says.
func TestTheSameCommitGivesTheSameBytes(t *testing.T) {
	first := artefacts(t)
	second, err := one(filepath.Join(t.TempDir(), "again"))
	if err != nil {
		t.Fatal(err)
	}
	read := func(r release) string {
		raw, err := os.ReadFile(filepath.Join(r.out, "SHA256SUMS"))
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	if a, b := read(first), read(second); a != b || strings.Count(a, "\n") != 5 {
		t.Errorf("of one commit\n%sand\n%swant five artefacts with the same sums", a, b)
	}
	if out, err := command(second.out, "sha256sum", "-c", "SHA256SUMS"); err != nil {
		t.Errorf("sha256sum does not check them: %v\n%s", err, out)
	}
}

func command(folder, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = folder
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// The package, in a root of its own: the program runs, and all else is where systems look for it.
func TestThePackageIsComplete(t *testing.T) {
	r := artefacts(t)
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		left(t, "dpkg-deb is not here")
	}
	root, control := t.TempDir(), t.TempDir()
	deb, err := filepath.Abs(r.name(platform{"linux", here.Arch}, ".deb"))
	if err != nil {
		t.Fatal(err)
	}
	for flag, folder := range map[string]string{"-x": root, "-e": control} {
		if out, err := command(".", "dpkg-deb", flag, deb, folder); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	out, err := command(root, filepath.Join(root, "usr/bin/wxcast"), "version", "--json")
	if err != nil || !strings.Contains(out, `"0.0.7"`) {
		t.Errorf("it says %s (%v), want version 0.0.7", out, err)
	}
	for _, place := range []string{"etc/wxcast/wxcast.yaml", "usr/lib/systemd/system/wxcast.service",
		"usr/share/bash-completion/completions/wxcast", "usr/share/zsh/vendor-completions/_wxcast",
		"usr/share/fish/vendor_completions.d/wxcast.fish", "usr/share/man/man1/wxcast.1.gz",
		"usr/share/man/man1/wxcast-broadcast-run.1.gz", "usr/share/doc/wxcast/LICENSE"} {
		if info, err := os.Stat(filepath.Join(root, place)); err != nil || info.Size() == 0 {
			t.Errorf("/%s is not in the package: %v", place, err)
		}
	}
	unit, err := os.ReadFile(filepath.Join(root, "usr/lib/systemd/system/wxcast.service"))
	if err != nil || !bytes.Contains(unit, []byte("ExecStart=/usr/bin/wxcast ")) {
		t.Errorf("the unit runs another program (%v):\n%s", err, unit)
	}
	if kept, err := os.ReadFile(filepath.Join(control, "conffiles")); err != nil ||
		!strings.Contains(string(kept), "/etc/wxcast/wxcast.yaml") {
		t.Errorf("an upgrade would replace the configuration: %s (%v)", kept, err)
	}
	// What is to be filled in is read, and what is missing is named.
	out, err = command(root, filepath.Join(root, "usr/bin/wxcast"), "doctor", "--config",
		filepath.Join(root, "etc/wxcast/wxcast.yaml"))
	if err == nil || !strings.Contains(out, "appid") {
		t.Errorf("with the configuration as it comes: %v\n%s\nwant that the appid is missing", err, out)
	}
}

// The image holds what it needs, and no more: as nobody, with nothing to write to but its data, the
// demo runs in it.
func TestTheImageRunsAsNobody(t *testing.T) {
	r := artefacts(t)
	if os.Geteuid() != 0 {
		left(t, "another root needs root")
	}
	root := t.TempDir()
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	unpackImage(t, filepath.Join(r.out, "wxcast_0.0.7_oci.tar"), root)
	// What an engine gives every container.
	if err := errors.Join(os.MkdirAll(filepath.Join(root, "dev"), 0o755),
		syscall.Mknod(filepath.Join(root, "dev/null"), syscall.S_IFCHR|0o666, 1<<8|3),
		os.Chmod(filepath.Join(root, "dev/null"), 0o666)); err != nil {
		left(t, "no devices can be made here: "+err.Error())
	}
	cmd := exec.Command("/wxcast", "demo", "--followers", "500", "--rate", "2000", "--json")
	cmd.Dir, cmd.Env = "/data", []string{"HOME=/data"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("the demo in the image: %v\n%s", err, errs.String())
	}
	var said map[string]any
	if err := json.Unmarshal(out.Bytes(), &said); err != nil {
		t.Errorf("it says %.300s (%v), want JSON", out.String(), err)
	}
}

// unpackImage writes the files of an OCI archive's image of this platform to a folder.
func unpackImage(t *testing.T, archive, root string) {
	t.Helper()
	blobs := map[string][]byte{}
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	each(t, f, func(h *tar.Header, content []byte) { blobs[h.Name] = content })
	type described struct{ Digest string }
	var index struct{ Manifests []described }
	var manifest struct {
		Config described
		Layers []described
	}
	var config struct{ Config struct{ User string } }
	blob := func(d described) []byte { return blobs["blobs/"+strings.ReplaceAll(d.Digest, ":", "/")] }
	for _, step := range []struct {
		raw  func() []byte
		into any
	}{{func() []byte { return blobs["index.json"] }, &index},
		{func() []byte { return blob(index.Manifests[0]) }, &manifest},
		{func() []byte { return blob(manifest.Config) }, &config}} {
		if err := json.Unmarshal(step.raw(), step.into); err != nil {
			t.Fatal(err)
		}
	}
	if len(manifest.Layers) != 1 || config.Config.User != "65532:65532" {
		t.Errorf("%d layers, user %s; want one, and nobody", len(manifest.Layers), config.Config.User)
	}
	z, err := gzip.NewReader(bytes.NewReader(blob(manifest.Layers[0])))
	if err != nil {
		t.Fatal(err)
	}
	each(t, z, func(h *tar.Header, content []byte) {
		place := filepath.Join(root, h.Name)
		err := os.MkdirAll(filepath.Dir(place), 0o755)
		if h.Typeflag == tar.TypeDir {
			err = errors.Join(err, os.MkdirAll(place, 0o755))
		} else {
			err = errors.Join(err, os.WriteFile(place, content, 0o600))
		}
		mode := os.FileMode(h.Mode & 0o777)
		if h.Mode&0o1000 != 0 {
			mode |= os.ModeSticky
		}
		if err := errors.Join(err, os.Chown(place, h.Uid, h.Gid), os.Chmod(place, mode)); err != nil {
			t.Fatal(err)
		}
	})
}

func each(t *testing.T, r io.Reader, do func(*tar.Header, []byte)) {
	t.Helper()
	for files := tar.NewReader(r); ; {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(files)
		if err != nil {
			t.Fatal(err)
		}
		do(h, content)
	}
}
