// Command wxcast reaches the people who use both a company's WeChat official
// account and its mini program.
package main

import (
	"os"

	"github.com/wxcast/wxcast/internal/cli"
)

func main() { os.Exit(cli.Run(cli.UntilToldToStop(), os.Args[1:], cli.System())) }
