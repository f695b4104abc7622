// Package setup asks for what a configuration lacks, tries each answer at once, and writes the
// file.
package setup

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Options are the world around the questions.
type Options struct {
	File    string // that is written
	Replace bool   // whether it may be there: then it is kept as FILE.old
	Lang    text.Lang
	In      io.Reader
	Out     io.Writer
	// Hidden reads a line that nobody sees; nil where In is no terminal.
	Hidden func() (string, error)
	Getenv func(string) string
}

// answer is what a configuration has, by its name here.
type answer string

const (
	name       answer = "name"
	appID      answer = "appid"
	secret     answer = "secret"
	miniAppID  answer = "mini_appid"
	miniSecret answer = "mini_secret"
	database   answer = "database"
	token      answer = "token"
	aesKey     answer = "aes_key"
	robot      answer = "robot"
)

// question is one that is asked; its words are init.ask_… and init.where_….
type question struct {
	answer
	env      string // the variable that answers it, too
	fallback string // for an empty line
	optional bool
	hidden   bool
	beside   answer // it is not asked without that one
}

// setup is a run of the questions.
type setup struct {
	Options
	in     *bufio.Reader
	have   map[answer]string
	folder string // of its own, for what is tried
}

// Result is what came of it.
type Result struct {
	File    string `json:"file"`
	Account string `json:"account"`
	Config  *config.Config
}

// Run asks, tries, and writes the file. Errors are wxcast.BadInput where the file is there, or an
// answer is missing.
func Run(ctx context.Context, o Options) (r Result, err error) {
	if _, err := os.Lstat(o.File); err == nil && !o.Replace {
		return r, &wxcast.BadInput{File: o.File, Problem: wxcast.Say("init.there"), Want: wxcast.Say("init.want_replace")}
	}
	s := &setup{Options: o, in: bufio.NewReader(o.In), have: map[answer]string{}}
	if s.folder, err = os.MkdirTemp("", "wxcast-init-"); err != nil {
		return r, err
	}
	defer func() { _ = os.RemoveAll(s.folder) }() // nothing that is needed later is in it
	s.say("init.hello", "file", o.File)
	for _, step := range []struct {
		title     string
		questions []question
		try       func(context.Context, *config.Config) (wxcast.Sentence, error)
	}{
		{"init.account", []question{{answer: name, fallback: "main"}, {answer: appID, env: "WXCAST_APPID"},
			{answer: secret, env: "WXCAST_SECRET", hidden: true}}, s.tryAccount},
		{"init.mini", []question{{answer: miniAppID, env: "WXCAST_MINI_APPID", optional: true},
			{answer: miniSecret, env: "WXCAST_MINI_SECRET", optional: true, hidden: true,
				beside: miniAppID}}, s.tryMini},
		{"init.database", []question{{answer: database, env: "WXCAST_DATABASE_URL", fallback: s.sqlite()}}, s.tryDatabase},
		{"init.callbacks", []question{{answer: token, env: "WXCAST_TOKEN", optional: true},
			{answer: aesKey, env: "WXCAST_ENCODING_AES_KEY", optional: true, hidden: true,
				beside: token}}, s.tellCallbacks},
		{"init.robot", []question{{answer: robot, env: "WXCAST_NOTIFY_URL", optional: true, hidden: true}}, s.tryRobot},
	} {
		s.say(step.title)
		if err := s.ask(ctx, step.questions, step.try); err != nil {
			return r, err
		}
	}
	if r.Config, err = s.write(); err != nil {
		return r, err
	}
	r.File, r.Account = o.File, s.have[name]
	return r, nil
}

// sqlite is the store that is proposed: beside the file, or where the packages keep it.
func (s *setup) sqlite() string {
	if strings.HasPrefix(s.File, "/etc/") {
		return "sqlite:///var/lib/wxcast/wxcast.db"
	}
	if dir := filepath.Dir(s.File); dir != "." {
		if abs, err := filepath.Abs(dir); err == nil {
			return "sqlite://" + filepath.ToSlash(filepath.Join(abs, "wxcast.db"))
		}
	}
	return "sqlite://wxcast.db"
}

func (s *setup) say(code string, pairs ...any) { fmt.Fprintln(s.Out, s.Lang.T(code, pairs...)) }

// ask asks the questions of a step, and tries the answers, until they are right or somebody says
// that they shall stand as they are.
func (s *setup) ask(ctx context.Context, questions []question,
	try func(context.Context, *config.Config) (wxcast.Sentence, error)) error {
	for again := true; again; {
		again = false
		for _, q := range questions {
			if q.beside != "" && s.have[q.beside] == "" {
				continue
			}
			if err := s.one(q); err != nil {
				return err
			}
		}
		for {
			cfg, err := s.load()
			if err != nil {
				return err // it was right with each answer
			}
			found, err := try(ctx, cfg)
			if err == nil {
				if !found.IsZero() {
					fmt.Fprintln(s.Out, "  ✓ "+s.Lang.Say(found))
				}
				break
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			s.wrong(err)
			choice, err := s.line("init.choice", false)
			if err != nil {
				return err
			}
			switch strings.ToLower(choice) {
			case "":
				continue
			case "s":
			default:
				for _, q := range questions {
					delete(s.have, q.answer)
				}
				again = true
			}
			break
		}
	}
	return nil
}

// one asks one question until the answer is one that a configuration can have.
func (s *setup) one(q question) error {
	if v := s.Getenv(q.env); q.env != "" && v != "" && s.have[q.answer] == "" {
		s.have[q.answer] = v
		if _, err := s.load(); err != nil {
			delete(s.have, q.answer)
			return err
		}
		s.say("init.from_env", "what", wxcast.Say("init.ask_"+string(q.answer)), "env", q.env)
		return nil
	}
	s.say("init.where_" + string(q.answer))
	for {
		v, err := s.line("init.ask_"+string(q.answer), q.hidden, q.fallback)
		if err != nil {
			return err
		}
		if v == "" {
			v = q.fallback
		}
		if v == "" && !q.optional {
			continue
		}
		s.have[q.answer] = v
		_, err = s.load()
		if err == nil {
			return nil
		}
		delete(s.have, q.answer)
		s.wrong(err)
	}
}

// wrong tells what is wrong, and what to do.
func (s *setup) wrong(err error) {
	for line := range strings.SplitSeq(s.Lang.Error(err, text.CLI, nil), "\n") {
		fmt.Fprintln(s.Out, "  ✗ "+line)
	}
	if advice := adviceOf(err); !advice.IsZero() {
		fmt.Fprintln(s.Out, "    "+s.Lang.Say(advice))
	}
}

// line asks for a line.
func (s *setup) line(code string, hidden bool, fallback ...string) (string, error) {
	prompt := s.Lang.T(code)
	if len(fallback) > 0 && fallback[0] != "" {
		prompt += " [" + fallback[0] + "]"
	}
	fmt.Fprint(s.Out, prompt+": ")
	var v string
	var err error
	if hidden && s.Hidden != nil {
		v, err = s.Hidden()
		fmt.Fprintln(s.Out)
	} else if v, err = s.in.ReadString('\n'); errors.Is(err, io.EOF) && v != "" {
		err = nil
	}
	if errors.Is(err, io.EOF) {
		fmt.Fprintln(s.Out)
		return "", &wxcast.BadInput{Problem: wxcast.Say("init.no_answer", "what", wxcast.Say(code)),
			Want: wxcast.Say("init.want_answers")}
	}
	return strings.TrimSpace(v), err
}

// load is the configuration that the answers make so far.
func (s *setup) load() (*config.Config, error) {
	file := filepath.Join(s.folder, "wxcast.yaml")
	if s.have[name] != "" && s.have[appID] == "" { // an account is none without one
		s.have[appID] = "wx0000000000000000"
		defer delete(s.have, appID)
	}
	if err := os.WriteFile(file, []byte(s.render("")), 0o600); err != nil {
		return nil, err
	}
	return config.Load(config.Sources{File: file, Env: s.env})
}

// answered are the variables that answer a question: they do not count beside the file.
var answered = map[string]bool{"WXCAST_APPID": true, "WXCAST_SECRET": true, "WXCAST_MINI_APPID": true,
	"WXCAST_MINI_SECRET": true, "WXCAST_DATABASE_URL": true, "WXCAST_TOKEN": true, "WXCAST_ENCODING_AES_KEY": true,
	"WXCAST_NOTIFY_URL": true, "WXCAST_NOTIFY_KIND": true}

func (s *setup) env(name string) string {
	if answered[name] {
		return ""
	}
	return s.Getenv(name)
}
