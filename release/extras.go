package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// extras are the files of a package that the program itself writes: completions of shells, and
// pages of the manual. Each has its place in the package.
type extras map[string]string // from the place to the file

// shells are those for which there are completions, and where these stand.
var shells = map[string]string{
	"bash": "/usr/share/bash-completion/completions/wxcast",
	"zsh":  "/usr/share/zsh/vendor-completions/_wxcast",
	"fish": "/usr/share/fish/vendor_completions.d/wxcast.fish",
}

func (r release) extras(ctx context.Context, work string) (extras, error) {
	all := extras{}
	program, err := r.binary(ctx, filepath.Join(work, "here"), here)
	if err != nil {
		return nil, err
	}
	for shell, place := range shells {
		out, err := exec.CommandContext(ctx, program, "completion", shell).Output()
		if err != nil {
			return nil, fmt.Errorf("completion %s: %w", shell, err)
		}
		file := filepath.Join(work, "completion."+shell)
		if err := os.WriteFile(file, out, 0o644); err != nil {
			return nil, err
		}
		all[place] = file
	}
	pages := filepath.Join(work, "man")
	cmd := exec.CommandContext(ctx, "go", "run", "./internal/cli/manual", "-out", pages, "-at",
		fmt.Sprint(r.at.Unix()), "-version", r.version)
	cmd.Dir, cmd.Stdout, cmd.Stderr = r.source, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("the manual: %w", err)
	}
	names, err := filepath.Glob(filepath.Join(pages, "*.1"))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		page, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		var packed bytes.Buffer
		z, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression) // the level is one
		if _, err := z.Write(page); err != nil {
			return nil, err
		}
		if err := z.Close(); err != nil {
			return nil, err
		}
		if err := os.WriteFile(name+".gz", packed.Bytes(), 0o644); err != nil {
			return nil, err
		}
		all["/usr/share/man/man1/"+filepath.Base(name)+".gz"] = name + ".gz"
	}
	return all, nil
}
