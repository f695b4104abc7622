// Command manual writes the pages of the manual, one for each command, for packages.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra/doc"

	"github.com/wxcast/wxcast/internal/cli"
	"github.com/wxcast/wxcast/internal/text"
)

func main() {
	out := flag.String("out", "man", "the folder")
	version := flag.String("version", "", "of wxcast")
	at := flag.Int64("at", 0, "seconds since 1970, for the foot of each page")
	flag.Parse()
	if err := write(*out, *version, time.Unix(*at, 0).UTC()); err != nil {
		fmt.Fprintln(os.Stderr, "manual:", err)
		os.Exit(1)
	}
}

func write(folder, version string, at time.Time) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	root := cli.Commands(text.English)
	root.DisableAutoGenTag = true
	return doc.GenManTree(root, &doc.GenManHeader{Title: "WXCAST", Section: "1", Date: &at, Source: "wxcast " + version,
		Manual: "wxcast"}, folder)
}
