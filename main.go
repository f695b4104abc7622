// Command wxcast reaches the people who use both a company's WeChat official
// account and its mini program.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/wxcast/wxcast/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the program at once.
	context.AfterFunc(ctx, stop)
	os.Exit(cli.Run(ctx, os.Args[1:], cli.System()))
}
