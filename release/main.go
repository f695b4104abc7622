// Command release builds what companies install: binaries, packages, an image, a list of what is
// in them, and checksums. The same commit gives the same bytes, wherever it is built.
//
//	go run . -version 0.1.0 -out ../dist/release
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"
)

// platform is what a binary is for, as Go names it.
type platform struct{ OS, Arch string }

func (p platform) String() string { return p.OS + "/" + p.Arch }

// platforms are all that a release is for.
var platforms = []platform{
	{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "amd64"}, {"darwin", "arm64"}, {"windows", "amd64"},
	{"windows", "arm64"},
}

// release is one that is being built.
type release struct {
	version string    // without a v
	source  string    // the folder of wxcast's module
	out     string    // where the artefacts go
	at      time.Time // of the commit: no artefact holds another time
}

func main() {
	r := release{}
	only := flag.String("only", "", "a platform, such as linux/amd64; all, if it is not given")
	flag.StringVar(&r.version, "version", "", "such as 0.1.0")
	flag.StringVar(&r.source, "source", "..", "the folder of wxcast's module")
	flag.StringVar(&r.out, "out", "../dist/release", "where the artefacts go")
	at := flag.Int64("at", 0, "seconds since 1970 of the commit")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	r.version, r.at = strings.TrimPrefix(r.version, "v"), time.Unix(*at, 0).UTC()
	if err := r.build(ctx, *only); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// build builds the artefacts of one platform, or of all for "".
func (r release) build(ctx context.Context, only string) error {
	if r.version == "" || r.at.Unix() == 0 {
		return fmt.Errorf("-version and -at are needed: see the Makefile's release")
	}
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "wxcast-release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	binaries := map[platform]string{}
	for _, p := range platforms {
		if only != "" && only != p.String() {
			continue
		}
		fmt.Println(p)
		binary, err := r.binary(ctx, work, p)
		if err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		binaries[p] = binary
		if err := r.archive(p, binary); err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		if err := r.bill(p, binary); err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
	}
	if len(binaries) == 0 {
		return fmt.Errorf("-only %s: there is no such platform", only)
	}
	extras, err := r.extras(ctx, work)
	if err != nil {
		return err
	}
	for p, binary := range binaries {
		if p.OS == "linux" {
			if err := r.packages(p, binary, extras); err != nil {
				return fmt.Errorf("%s: %w", p, err)
			}
		}
	}
	if err := r.image(binaries); err != nil {
		return fmt.Errorf("the image: %w", err)
	}
	return r.checksums()
}

// name is what an artefact is called.
func (r release) name(p platform, ending string) string {
	return filepath.Join(r.out, fmt.Sprintf("wxcast_%s_%s_%s%s", r.version, p.OS, p.Arch, ending))
}
