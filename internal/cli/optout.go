package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/broadcast"
	"github.com/wxcast/wxcast/internal/api"
	"github.com/wxcast/wxcast/internal/wxcast"
)

func (a *app) optOutCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "optout",
		Short: "Keep the list of people who asked for no more messages",
		Long: `Keep the list of people who asked for no more messages. It holds from the moment they
are on it, also for broadcasts that have begun: a message whose turn comes is skipped.`,
	}
	cmd.AddCommand(a.optOutAddCommand(), a.optOutRemoveCommand(), a.optOutImportCommand(), a.optOutExportCommand())
	return cmd
}

func (a *app) printOptOut(r api.OptOutChange) error {
	return a.print(r, func(w io.Writer) {
		if r.Removed > 0 {
			fmt.Fprintf(w, "%s taken off the opt-out list.\n", count(r.Removed))
		} else {
			fmt.Fprintf(w, "%s added to the opt-out list.\n", count(r.Added))
		}
		if n := len(r.Unknown); n > 0 {
			fmt.Fprintf(w, "%s ids are no follower's: %s\n", count(n), strings.Join(r.Unknown[:min(n, 10)], ", "))
		}
	})
}

func (a *app) optOutAddCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "add OPENID|UNIONID…",
		Short:   "Put people on the list",
		Example: "  wxcast optout add oCJUsw9O7spQia91XWy7NQSCS-QE",
		Args:    cobra.MinimumNArgs(1),
		RunE: a.withSession(func(ctx context.Context, s *session, args []string) error {
			change, err := s.AddOptOuts(ctx, args)
			if err != nil {
				return err
			}
			return a.printOptOut(change)
		}),
	}
}

func (a *app) optOutRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "remove OPENID|UNIONID…",
		Short:   "Take people off the list",
		Example: "  wxcast optout remove oCJUsw9O7spQia91XWy7NQSCS-QE",
		Args:    cobra.MinimumNArgs(1),
		RunE: a.withSession(func(ctx context.Context, s *session, args []string) error {
			change, err := s.RemoveOptOuts(ctx, args)
			if err != nil {
				return err
			}
			return a.printOptOut(change)
		}),
	}
}

// AddOptOuts puts people on the list.
func (s *session) AddOptOuts(ctx context.Context, ids []string) (api.OptOutChange, error) {
	added, unknown, err := s.db.AddOptOuts(ctx, s.accountID, ids, "by hand")
	if err == nil && len(unknown) == len(ids) {
		err = nobody(strings.Join(unknown, ", "))
	}
	return api.OptOutChange{Added: added, Unknown: append([]string{}, unknown...)}, err
}

// RemoveOptOuts takes people off the list.
func (s *session) RemoveOptOuts(ctx context.Context, ids []string) (api.OptOutChange, error) {
	removed, err := s.db.RemoveOptOuts(ctx, s.accountID, ids)
	if err == nil && removed == 0 {
		err = api.NotFound(strings.Join(ids, ", ") + ": nobody on the opt-out list has this openid or unionid; wxcast optout export shows the list")
	}
	return api.OptOutChange{Removed: removed, Unknown: []string{}}, err
}

// optOutBatch is how many rows of a file go into one transaction.
const optOutBatch = 2000

func (a *app) optOutImportCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "import FILE",
		Short: "Put everyone of a CSV on the list",
		Long: `Put everyone of a CSV on the opt-out list. One of its columns is called openid or
unionid. A file with a bad row is refused whole; ids that are no follower's are told.`,
		Example: "  wxcast optout import complaints.csv",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ids, err := readIDs(args[0])
			if err != nil {
				return err
			}
			s, err := a.openSession(cmd.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			r := api.OptOutChange{Unknown: []string{}}
			for from := 0; from < len(ids); from += optOutBatch {
				added, unknown, err := s.db.AddOptOuts(cmd.Context(), s.accountID, ids[from:min(from+optOutBatch, len(ids))], "import")
				if err != nil {
					return err
				}
				r.Added, r.Unknown = r.Added+added, append(r.Unknown, unknown...)
			}
			return a.printOptOut(r)
		},
	}
}

// readIDs reads the ids of a whole CSV before anything is done with them.
func readIDs(file string) ([]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, &wxcast.BadInput{File: file, Problem: wxcast.Plain("cannot be read"), Want: wxcast.Plain("name a CSV file that exists")}
	}
	defer f.Close()
	var ids []string
	for row, err := range broadcast.ReadList(f, file) {
		if err != nil {
			return nil, err
		}
		ids = append(ids, row.ID)
	}
	return ids, nil
}

func (a *app) optOutExportCommand() *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use:     "export",
		Short:   "Write the list as CSV or JSON Lines",
		Example: "  wxcast optout export --out optouts.csv",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			s, err := a.openSession(cmd.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			return export(a, "opt-outs", f, optOutRows(cmd.Context(), s))
		},
	}
	f.add(cmd)
	return cmd
}

func optOutRows(ctx context.Context, s *session) rows[wxcast.OptOut] {
	return rows[wxcast.OptOut]{
		page: func(after wxcast.OpenID) ([]wxcast.OptOut, error) {
			return s.db.OptOuts(ctx, s.accountID, after, exportPage)
		},
		openid: func(o wxcast.OptOut) wxcast.OpenID { return o.OpenID },
		header: []string{"openid", "since", "source"},
		fields: func(o wxcast.OptOut) []string {
			return []string{string(o.OpenID), o.Since.Format(time.RFC3339), o.Source}
		},
		object: func(o wxcast.OptOut) any { return o },
	}
}
