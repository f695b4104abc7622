package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/api"
	"github.com/wxcast/wxcast/internal/wxcast"
)

func (a *app) broadcastExportCommand() *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use:   "export ID",
		Short: "Write every delivery of a broadcast with its outcome, as CSV or JSON Lines",
		Long: `Write one row for each recipient of a broadcast, in openid order: the state, the
attempts, WeChat's errcode and msgid, and when it was last tried. Times are UTC.`,
		Example: "  wxcast broadcast export 3 --out deliveries.csv\n  wxcast broadcast export 3 --format jsonl",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			s, b, err := a.openBroadcast(cmd.Context(), args[0], a.openSession)
			if err != nil {
				return err
			}
			defer s.Close()
			return export(a, "deliveries", f, deliveryRows(cmd.Context(), s, b))
		},
	}
	f.add(cmd)
	return cmd
}

func deliveryRows(ctx context.Context, s *session, b wxcast.Broadcast) rows[wxcast.PersonDelivery] {
	return rows[wxcast.PersonDelivery]{
		page: func(after wxcast.OpenID) ([]wxcast.PersonDelivery, error) {
			return s.db.Deliveries(ctx, b, after, exportPage)
		},
		openid: func(d wxcast.PersonDelivery) wxcast.OpenID { return d.OpenID },
		header: []string{"broadcast_id", "broadcast", "openid", "state", "attempts", "errcode", "errmsg", "msgid", "attempted_at", "next_attempt_at"},
		fields: func(d wxcast.PersonDelivery) []string {
			j := api.NewDelivery(d)
			return []string{
				fmt.Sprint(j.BroadcastID), j.Broadcast, j.OpenID, j.State, fmt.Sprint(j.Attempts), fmt.Sprint(j.ErrCode), j.ErrMsg, j.MsgID,
				timeText(d.AttemptedAt), timeText(d.NextAttemptAt),
			}
		},
		object: func(d wxcast.PersonDelivery) any { return api.NewDelivery(d) },
	}
}
