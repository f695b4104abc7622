package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// binary builds one: static, without the paths and the state of the machine that builds it.
func (r release) binary(ctx context.Context, work string, p platform) (string, error) {
	name := "wxcast"
	if p.OS == "windows" {
		name += ".exe"
	}
	file := filepath.Join(work, p.OS+"-"+p.Arch, name)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags",
		"-s -w -buildid= -X github.com/wxcast/wxcast/internal/cli.Version="+r.version, "-o", file, ".")
	cmd.Dir, cmd.Stdout, cmd.Stderr = r.source, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=readonly", "GOOS="+p.OS, "GOARCH="+p.Arch)
	return file, cmd.Run()
}

// read is what stands beside the binary in an archive.
var read = []string{"LICENSE", "README.md", "README.zh-CN.md", "CHANGELOG.md"}

// archive packs the binary: as a zip for Windows, as a tar.gz elsewhere.
func (r release) archive(p platform, binary string) (err error) {
	add, ending := r.tarball, ".tar.gz"
	if p.OS == "windows" {
		add, ending = r.zip, ".zip"
	}
	f, err := os.Create(r.name(p, ending))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	files := []string{binary}
	for _, name := range read {
		files = append(files, filepath.Join(r.source, name))
	}
	return add(f, files)
}

func mode(file string) int64 {
	if name := filepath.Base(file); name == "wxcast" || name == "wxcast.exe" {
		return 0o755
	}
	return 0o644
}

func (r release) tarball(w io.Writer, files []string) error {
	z, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	t := tar.NewWriter(z)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err == nil {
			err = t.WriteHeader(&tar.Header{Name: filepath.Base(file), Mode: mode(file), Size: int64(len(raw)), ModTime: r.at,
				Format: tar.FormatUSTAR})
		}
		if err == nil {
			_, err = t.Write(raw)
		}
		if err != nil {
			return err
		}
	}
	return errors.Join(t.Close(), z.Close())
}

func (r release) zip(w io.Writer, files []string) error {
	z := zip.NewWriter(w)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		h := &zip.FileHeader{Name: filepath.Base(file), Method: zip.Deflate, Modified: r.at}
		h.SetMode(os.FileMode(mode(file)))
		one, err := z.CreateHeader(h)
		if err == nil {
			_, err = one.Write(raw)
		}
		if err != nil {
			return err
		}
	}
	return z.Close()
}

// checksums writes the SHA-256 of each artefact, as sha256sum checks them.
func (r release) checksums() error {
	names, err := filepath.Glob(filepath.Join(r.out, "wxcast_*"))
	if err != nil {
		return err
	}
	slices.Sort(names)
	var all strings.Builder
	for _, name := range names {
		sum, err := sumOf(name)
		if err != nil {
			return err
		}
		fmt.Fprintf(&all, "%s  %s\n", sum, filepath.Base(name))
	}
	return os.WriteFile(filepath.Join(r.out, "SHA256SUMS"), []byte(all.String()), 0o644)
}

func sumOf(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), err
}

// here is the platform that this runs on.
var here = platform{runtime.GOOS, runtime.GOARCH}
