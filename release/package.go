package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb"
	"github.com/goreleaser/nfpm/v2/files"
	_ "github.com/goreleaser/nfpm/v2/rpm"
)

// packages writes a .deb and a .rpm: the binary, its unit, a configuration to fill in, completions
// and the manual. Installing it starts nothing: the unit is enabled by whoever has filled it in.
func (r release) packages(p platform, binary string, more extras) error {
	units, err := r.units(filepath.Dir(binary))
	if err != nil {
		return err
	}
	own := func(place, file string, mode os.FileMode) *files.Content {
		return &files.Content{Source: file, Destination: place,
			FileInfo: &files.ContentFileInfo{Mode: mode, MTime: r.at, Owner: "root", Group: "root"}}
	}
	contents := files.Contents{own("/usr/bin/wxcast", binary, 0o755),
		{Source: filepath.Join(r.source, "deploy/package/wxcast.yaml"), Destination: "/etc/wxcast/wxcast.yaml",
			Type:     files.TypeConfigNoReplace,
			FileInfo: &files.ContentFileInfo{Mode: 0o640, MTime: r.at, Owner: "root", Group: "root"}}}
	for place, file := range units {
		contents = append(contents, own(place, file, 0o644))
	}
	for place, file := range more {
		contents = append(contents, own(place, file, 0o644))
	}
	for _, name := range read {
		contents = append(contents, own("/usr/share/doc/wxcast/"+name, filepath.Join(r.source, name), 0o644))
	}
	script := func(name string) string { return filepath.Join(r.source, "deploy/package", name) }
	for _, kind := range []string{"deb", "rpm"} {
		info := nfpm.WithDefaults(&nfpm.Info{Name: "wxcast", Arch: p.Arch, Platform: "linux", Version: r.version,
			Section: "net", Priority: "optional", Maintainer: "wxcast <wxcast@users.noreply.github.com>", Vendor: "wxcast",
			Homepage: "https://github.com/wxcast/wxcast", License: "Apache-2.0", MTime: r.at,
			Description: "Reach the users of your mini program through your WeChat official account",
			Overridables: nfpm.Overridables{Contents: contents, Scripts: nfpm.Scripts{
				PostInstall: script("postinst.sh"), PreRemove: script("prerm.sh"), PostRemove: script("postrm.sh")},
				RPM: nfpm.RPM{BuildHost: "wxcast"}}})
		packager, err := nfpm.Get(kind)
		if err != nil {
			return err
		}
		if err := write(r.name(p, "."+kind), packager, info); err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
	}
	return nil
}

func write(file string, packager nfpm.Packager, info *nfpm.Info) (err error) {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return packager.Package(info, f)
}

// units are the units of deploy/systemd, with the binary where packages have it.
func (r release) units(work string) (extras, error) {
	names, err := filepath.Glob(filepath.Join(r.source, "deploy/systemd/*"))
	if err != nil {
		return nil, err
	}
	all := extras{}
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		file := filepath.Join(work, filepath.Base(name))
		text := strings.ReplaceAll(string(raw), "/usr/local/bin/wxcast", "/usr/bin/wxcast")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return nil, err
		}
		all["/usr/lib/systemd/system/"+filepath.Base(name)] = file
	}
	return all, nil
}
