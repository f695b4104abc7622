package setup

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/private"
)

// render is the configuration of the answers, with comments. keyFile is "" while there is none.
func (s *setup) render(keyFile string) string {
	var b strings.Builder
	comment := func(indent, code string) {
		for line := range strings.SplitSeq(s.Lang.T("init.file_"+code), "\n") {
			b.WriteString(indent + "# " + line + "\n")
		}
	}
	set := func(indent, key string, a answer) {
		if s.have[a] != "" {
			fmt.Fprintf(&b, "%s%s: %s\n", indent, key, strconv.Quote(s.have[a])) // YAML reads it as Go does
		}
	}
	comment("", "head")
	if s.have[database] != "" {
		b.WriteString("\ndatabase:\n")
		comment("  ", "database")
		set("  ", "url", database)
	}
	if keyFile != "" {
		b.WriteString("\nstore:\n")
		comment("  ", "key")
		fmt.Fprintf(&b, "  key_file: %s\n", strconv.Quote(keyFile))
	}
	if s.have[name] != "" {
		b.WriteString("\naccounts:\n  " + s.have[name] + ":\n")
		comment("    ", "account")
		set("    ", "appid", appID)
		set("    ", "secret", secret)
		if s.have[token] != "" {
			comment("    ", "callbacks")
			set("    ", "token", token)
			set("    ", "encoding_aes_key", aesKey)
		}
		if s.have[miniAppID] != "" {
			b.WriteString("    mini_programs:\n")
			comment("      ", "mini")
			set("      - ", "appid", miniAppID)
			set("        ", "secret", miniSecret)
		}
	}
	b.WriteString("\nserve:\n")
	comment("  ", "listen")
	b.WriteString("  listen: 127.0.0.1:8080\n")
	if s.have[robot] != "" {
		b.WriteString("\nnotify:\n")
		comment("  ", "robot")
		fmt.Fprintf(&b, "  - kind: %s\n", kindOfRobot(s.have[robot]))
		set("    ", "url", robot)
	}
	return b.String()
}

// write writes the data key and the file, and reads it as every command does.
func (s *setup) write() (*config.Config, error) {
	old := ""
	if _, err := os.Lstat(s.File); err == nil {
		old = s.File + ".old"
		if err := os.Rename(s.File, old); err != nil {
			return nil, err
		}
	}
	keyFile, err := filepath.Abs(filepath.Join(filepath.Dir(s.File), "store.key"))
	if err != nil {
		return nil, err
	}
	if err := writeKey(keyFile, old); err != nil {
		return nil, err
	}
	if err := writeFile(s.File, s.render(filepath.ToSlash(keyFile)), old); err != nil {
		return nil, err
	}
	return config.Load(config.Sources{File: s.File, Env: s.env})
}

// writeKey draws a data key, where there is none.
func writeKey(file, old string) error {
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	return writeFile(file, base64.StdEncoding.EncodeToString(key)+"\n", old)
}

// writeFile writes a file whole or not at all, for the eyes that read the old one, or the owner's
// alone.
func writeFile(file, content, old string) (err error) {
	part := file + ".part"
	f, err := private.Create(part)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(part)
		}
	}()
	_, err = f.WriteString(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if old != "" {
		if err := private.Like(part, old); err != nil {
			return err
		}
	}
	return os.Rename(part, file)
}
