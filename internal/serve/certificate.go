package serve

import (
	"crypto/tls"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificateLook is how often the files are looked at: a renewed certificate is served
// without a restart.
const certificateLook = 10 * time.Second

// certificate is the program's own, read from two files.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger

	mu     sync.Mutex
	pair   *tls.Certificate
	read   [2]time.Time // when the files were written that pair is from
	looked time.Time
}

// load reads the files.
func (c *certificate) load() error {
	written, err := c.written()
	if err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return err
	}
	c.pair, c.read = &pair, written
	return nil
}

func (c *certificate) written() (at [2]time.Time, err error) {
	for i, file := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(file)
		if err != nil {
			return at, err
		}
		at[i] = info.ModTime()
	}
	return at, nil
}

// current is the certificate, read anew where the files were written anew. What cannot be
// read leaves the one before: the two files are not written in the same moment.
func (c *certificate) current(_ *tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.looked) >= certificateLook {
		c.looked = now
		if written, err := c.written(); err != nil || written != c.read {
			if err := c.load(); err != nil {
				c.log.Error("the certificate was not read anew", "err", err)
			} else {
				c.log.Info("the certificate was read anew", "file", c.certFile)
			}
		}
	}
	return c.pair, nil
}
