package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// UntilToldToStop ends with the first signal that stops the program: Ctrl-C, SIGTERM, or
// SIGHUP as when a terminal goes away, unless that is ignored, as nohup does. A second signal
// ends the program at once.
func UntilToldToStop() context.Context {
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	context.AfterFunc(ctx, stop)
	return ctx
}
