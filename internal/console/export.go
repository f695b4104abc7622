package console

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/wxcast/wxcast/internal/account"
)

// download writes a file as it is made; once it has begun, a mistake can only end it.
func (c *call) download(name string, write func(ctx context.Context, format string, w io.Writer) error) error {
	format := c.Query("format")
	kind, extension := "text/csv; charset=utf-8", "csv"
	switch format {
	case "jsonl":
		kind, extension = "application/jsonl", "jsonl"
	case "", "csv":
		format = "csv"
	case account.FormatExcel:
	default:
		return errNoPage
	}
	out := &begun{ResponseWriter: c.w, begin: func(h http.Header) {
		h.Set("Content-Type", kind)
		h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s-%s.%s"`, name,
			time.Now().UTC().Format("20060102-150405"), extension))
	}}
	err := write(c.ctx(), format, out)
	if err != nil && out.did {
		c.con.Log.ErrorContext(c.r.Context(), "a download broke off", "name", name, "err", err)
		panic(http.ErrAbortHandler) // the browser sees that the file is not whole
	}
	return err
}

// begun sets the headers of a file with its first byte: before that, there may be a page of an
// error instead.
type begun struct {
	http.ResponseWriter
	begin func(http.Header)
	did   bool
}

func (b *begun) Write(p []byte) (int, error) {
	if !b.did {
		b.did = true
		b.begin(b.Header())
	}
	return b.ResponseWriter.Write(p)
}

func (c *call) exportDeliveries() error {
	id, err := c.id()
	if err != nil {
		return err
	}
	return c.download(fmt.Sprintf("broadcast-%d", id), func(ctx context.Context, format string, w io.Writer) error {
		_, err := c.Account.ExportDeliveries(ctx, id, format, w)
		return err
	})
}

func (c *call) exportFollowers() error {
	return c.download("followers", func(ctx context.Context, format string, w io.Writer) error {
		_, err := c.Account.ExportFollowers(ctx, account.FollowerFilter{Bridged: c.Query("bridged") == "yes",
			NotBridged: c.Query("bridged") == "no"}, format, w)
		return err
	})
}

func (c *call) exportOptOuts() error {
	return c.download("optouts", func(ctx context.Context, format string, w io.Writer) error {
		_, err := c.Account.ExportOptOuts(ctx, format, w)
		return err
	})
}

func (c *call) exportPermits() error {
	return c.download("permits", func(ctx context.Context, format string, w io.Writer) error {
		_, err := c.Account.ExportPermits(ctx, c.Query("mini"), format, w)
		return err
	})
}
