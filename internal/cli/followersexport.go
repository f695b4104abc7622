package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/api"
	"github.com/wxcast/wxcast/internal/wxcast"
)

type followersFlags struct {
	exportFlags
	mini                string
	bridged, notBridged bool
	unfollowed          bool
	followedFrom        string
	followedUntil       string
	audience            wxcast.Audience
}

func (a *app) followersExportCommand() *cobra.Command {
	var f followersFlags
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write followers as CSV or JSON Lines",
		Long: `Write the followers that the filters leave, in openid order, with their unionid,
their openid in the mini program, and their history. Times are UTC. Without filters
that is every current follower.`,
		Example: `  wxcast followers export --out followers.csv
  wxcast followers export --bridged --tag 100 --tag 101 --format jsonl
  wxcast followers export --not-bridged --followed-from 2026-01-01`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			s, err := a.openSession(cmd.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			// Only what asks about a mini program needs one.
			if len(s.account.MiniPrograms) > 0 || f.bridged || f.notBridged || f.mini != "" {
				if _, f.audience.MiniID, err = s.miniProgram(cmd.Context(), f.mini); err != nil {
					return err
				}
			}
			return export(a, "followers", f.exportFlags, followerRows(cmd.Context(), s, f.audience))
		},
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.mini, "mini", "", "`APPID` of the mini program, where the account has several")
	flags.BoolVar(&f.bridged, "bridged", false, "only those joined to a mini user")
	flags.BoolVar(&f.notBridged, "not-bridged", false, "only those who are not")
	flags.BoolVar(&f.unfollowed, "unfollowed", false, "those who left, too")
	flags.IntSliceVar(&f.audience.TagsAny, "tag", nil, "with one of these tag `IDS`")
	flags.IntSliceVar(&f.audience.TagsAll, "all-tags", nil, "with all of these tag `IDS`")
	flags.IntSliceVar(&f.audience.TagsNone, "without-tag", nil, "with none of these tag `IDS`")
	flags.StringSliceVar(&f.audience.Scenes, "scene", nil, "who followed in one of these `SCENES`, such as ADD_SCENE_QR_CODE")
	flags.StringVar(&f.followedFrom, "followed-from", "", "who followed on this Beijing `DATE` or later")
	flags.StringVar(&f.followedUntil, "followed-until", "", "who followed before this Beijing `DATE`")
	return cmd
}

func (f *followersFlags) check() error {
	if err := f.exportFlags.check(); err != nil {
		return err
	}
	if f.bridged && f.notBridged {
		return usageError{fmt.Errorf("--bridged and --not-bridged leave nobody; write one of them")}
	}
	if f.bridged || f.notBridged {
		f.audience.Bridged = &f.bridged
	}
	f.audience.Unfollowed = f.unfollowed
	return errors.Join(
		parseDate("--followed-from", f.followedFrom, &f.audience.FollowedFrom),
		parseDate("--followed-until", f.followedUntil, &f.audience.FollowedUntil),
	)
}

// parseDate reads the beginning of a Beijing date; "" leaves it alone.
func parseDate(key, text string, to *time.Time) error {
	if text == "" {
		return nil
	}
	day, err := wxcast.ParseDay(text)
	if err != nil {
		return &wxcast.BadInput{Key: key, Problem: wxcast.Plain(fmt.Sprintf("%q is no date", text)), Want: wxcast.Plain("write it as 2026-11-30")}
	}
	*to = day.Begin()
	return nil
}

func followerRows(ctx context.Context, s *session, audience wxcast.Audience) rows[wxcast.FollowerRecord] {
	return rows[wxcast.FollowerRecord]{
		page: func(after wxcast.OpenID) ([]wxcast.FollowerRecord, error) {
			return s.db.Followers(ctx, s.accountID, audience, after, exportPage)
		},
		openid: func(f wxcast.FollowerRecord) wxcast.OpenID { return f.OpenID },
		header: []string{"openid", "unionid", "mini_openid", "subscribed", "subscribe_time", "subscribe_scene", "tags", "remark", "first_seen_at", "details_at", "unfollowed_at", "refollowed_at"},
		fields: func(f wxcast.FollowerRecord) []string {
			return []string{
				string(f.OpenID), string(f.UnionID), string(f.MiniOpenID), strconv.FormatBool(f.Subscribed), timeText(f.SubscribeTime), f.Scene,
				strings.Trim(fmt.Sprint(f.Tags), "[]"), f.Remark, timeText(f.FirstSeenAt), timeText(f.DetailsAt), timeText(f.UnfollowedAt), timeText(f.RefollowedAt),
			}
		},
		object: func(f wxcast.FollowerRecord) any { return api.NewFollower(f) },
	}
}
