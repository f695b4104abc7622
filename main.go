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
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as nohup does: then a terminal may go
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	// A second signal ends the program at once.
	context.AfterFunc(ctx, stop)
	os.Exit(cli.Run(ctx, os.Args[1:], cli.System()))
}
