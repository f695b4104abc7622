package cli

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// healthWithin is how long a process that is well takes to say so.
const healthWithin = 5 * time.Second

// healthCommand asks the wxcast serve of this machine whether it is ready: for images that
// have no shell and no curl.
func (a *app) healthCommand() *cobra.Command {
	return &cobra.Command{
		Use:  "health",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.loadConfig()
			if err != nil {
				return err
			}
			url, err := askReady(cmd.Context(), cfg.Serve)
			if err != nil {
				return wxcast.NewError("health.not_ready", "url", url, "why", err)
			}
			return a.print(map[string]any{"ready": true, "url": url}, func(w io.Writer) {
				a.line(w, "health.ready", "url", url)
			})
		},
	}
}

func askReady(ctx context.Context, s config.Serve) (url string, err error) {
	host, port, err := net.SplitHostPort(s.Listen)
	if err != nil {
		return s.Listen, err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	scheme := "http"
	if s.TLS.CertFile != "" {
		scheme = "https"
	}
	url = scheme + "://" + net.JoinHostPort(host, port) + "/readyz"
	ctx, cancel := context.WithTimeout(ctx, healthWithin)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return url, err
	}
	// By no proxy. The certificate is our own, and bears another name than this machine's: what
	// is asked is whether the process is ready, and nothing is told to it.
	resp, err := (&http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}).RoundTrip(req)
	if err != nil {
		return url, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return url, fmt.Errorf("HTTP status %d", resp.StatusCode)
	}
	return url, nil
}
