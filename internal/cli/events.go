package cli

import (
	"context"
	"encoding/json"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/account"
)

const (
	// eventsPage are the events that are read at a time, and followWait how long one look waits
	// for the next.
	eventsPage = 1000
	followWait = time.Minute
)

func (a *app) eventsCommand() *cobra.Command {
	var q account.EventQuery
	var limit int
	var follow bool
	cmd := &cobra.Command{
		Use: "events",
		Example: "  wxcast events --types message,follower.followed\n" +
			"  wxcast events --after 1042 --follow",
		Args: cobra.NoArgs,
		RunE: a.withAccount(func(ctx context.Context, of *account.Account, _ []string) error {
			if limit < 0 {
				return outside("--limit", limit, 0, "…")
			}
			enc := json.NewEncoder(a.Out)
			enc.SetEscapeHTML(false)
			for left := limit; limit == 0 || left > 0; {
				if q.Limit = eventsPage; limit > 0 {
					q.Limit = min(left, eventsPage)
				}
				page, err := of.Events(ctx, q)
				if err != nil {
					return err
				}
				for _, e := range page.Events {
					if err := enc.Encode(e); err != nil {
						return err
					}
				}
				left -= len(page.Events)
				if q.After = page.Cursor; len(page.Events) < q.Limit {
					if !follow {
						return nil
					}
					q.Wait = followWait
				}
			}
			return nil
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&q.After, "after", "", "")
	flags.StringSliceVar(&q.Types, "types", nil, "")
	flags.IntVar(&limit, "limit", 0, "")
	flags.BoolVar(&follow, "follow", false, "")
	return cmd
}
