package cli

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// simAnnouncement is the one line that the simulator prints as soon as it listens.
type simAnnouncement struct {
	Base string `json:"base"`
	simulator.Credentials
	MiniCSV string `json:"mini_csv"`
	Control string `json:"control"`
}

func (a *app) simCommand() *cobra.Command {
	var listen string
	var followers int
	var seed uint64
	var knobs simulator.Knobs
	var sendLimit int64
	var moreKnobs string
	cmd := &cobra.Command{
		Use: "sim",
		Example: `  wxcast sim --followers 20000
  wxcast sim --listen 127.0.0.1:9000 --latency 20ms --busy 0.02 --drop-after 0.01
  wxcast sim --knobs '{"held": 0.1, "callback_url": "http://127.0.0.1:8080/wechat", "callback_mode": "safe"}'
  curl -X PATCH http://127.0.0.1:9000/_sim/knobs -d '{"busy": 0}'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if followers < 0 || followers > 1<<30 {
				return outside("followers", followers, 0, 1<<30)
			}
			if moreKnobs != "" {
				dec := json.NewDecoder(strings.NewReader(moreKnobs))
				dec.DisallowUnknownFields()
				if err := dec.Decode(&knobs); err != nil {
					return badFlag("knobs", wxcast.Verbatim(err.Error()), wxcast.Say("sim.want_knobs"))
				}
			}
			if sendLimit >= 0 {
				knobs.DailyLimits = map[string]int64{"/cgi-bin/message/template/send": sendLimit}
			}
			sim := simulator.New(simulator.Options{Followers: followers, Seed: seed, Knobs: knobs})
			defer sim.Close()
			return a.serveSim(cmd.Context(), sim, listen, func(line simAnnouncement) error {
				return json.NewEncoder(a.Out).Encode(line)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&listen, "listen", "127.0.0.1:8787", "")
	f.IntVar(&followers, "followers", 2000, "")
	f.Uint64Var(&seed, "seed", 1, "")
	f.Int64Var(&sendLimit, "send-limit", -1, "")
	f.TextVar(&knobs.Latency, "latency", simulator.Duration(0), "")
	f.TextVar(&knobs.Jitter, "jitter", simulator.Duration(0), "")
	f.Float64Var(&knobs.Busy, "busy", 0, "")
	f.Float64Var(&knobs.BadGateway, "bad-gateway", 0, "")
	f.Float64Var(&knobs.DropBefore, "drop-before", 0, "")
	f.Float64Var(&knobs.DropAfter, "drop-after", 0, "")
	f.IntVar(&knobs.MaxRate, "max-rate", 0, "")
	f.StringVar(&moreKnobs, "knobs", "", "")
	f.TextVar(&knobs.KillTokenEvery, "kill-token-every", simulator.Duration(0), "")
	return cmd
}

// serveSim serves the simulator until ctx ends; ready is called once it listens.
func (a *app) serveSim(ctx context.Context, sim *simulator.Server, listen string,
	ready func(simAnnouncement) error) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		return badFlag("listen", wxcast.Say("sim.cannot_listen", "address", listen, "why", err))
	}
	server := &http.Server{Handler: sim, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	base := "http://" + l.Addr().String()
	if err := ready(simAnnouncement{Base: base, Credentials: sim.Credentials,
		MiniCSV: base + simulator.ControlPath + "mini.csv", Control: base + simulator.ControlPath}); err != nil {
		return err
	}
	if err := server.Serve(l); ctx.Err() == nil {
		return err
	}
	return nil
}
