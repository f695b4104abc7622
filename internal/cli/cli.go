// Package cli is the command line: flags in, tables out. One file has one command; what it
// does is a use case of internal/account.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/wxcast/wxcast/broadcast"
	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	followersync "github.com/wxcast/wxcast/sync"
)

// Exit codes, as README.md documents them.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitQuota       = 3
	exitPaused      = 4
	exitInterrupted = 130
)

// IO is the world around a command.
type IO struct {
	In       io.Reader
	Out      io.Writer // results, and with --json nothing else
	Err      io.Writer // progress and logs
	Getenv   func(string) string
	Terminal bool // Err is a terminal: progress bars
	Asks     bool // In is a terminal, too: questions
	// Process is this program with other arguments, not started; nil where there is none.
	Process func(args ...string) *exec.Cmd
}

// System is the process's own world.
func System() IO {
	onTerminal := term.IsTerminal(int(os.Stderr.Fd()))
	var process func(args ...string) *exec.Cmd
	if self, err := os.Executable(); err == nil {
		process = func(args ...string) *exec.Cmd { return exec.Command(self, args...) }
	}
	return IO{
		Process: process,
		In:      os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv,
		Terminal: onTerminal, Asks: onTerminal && term.IsTerminal(int(os.Stdin.Fd())),
	}
}

// Run runs one command line and returns its exit code. Every error is told on
// io.Err once, here.
func Run(ctx context.Context, args []string, io IO) int {
	io.Err = &oneWriter{to: io.Err}
	a := &app{IO: io}
	var langErr error
	a.lang, langErr = chooseLang(args, io.Getenv)
	root := a.root()
	root.SetArgs(negativeCodes(args))
	err := langErr
	if err == nil {
		err = root.ExecuteContext(ctx)
	}
	if a.profiled != nil {
		err = errors.Join(err, a.profiled())
	}
	if err == nil {
		return exitDone
	}
	code := a.exitCode(ctx, err)
	if !a.started && a.lang != text.English {
		err = sayMistake(err)
	}
	if code == exitInterrupted {
		fmt.Fprintln(io.Err, "wxcast: "+a.lang.T(a.afterInterrupt()))
		return code
	}
	for line := range strings.SplitSeq(strings.TrimRight(a.lang.Error(err, text.CLI, a.flagOf), "\n"), "\n") {
		fmt.Fprintln(io.Err, "wxcast: "+line)
	}
	if advice := account.Advice(err); !advice.IsZero() {
		fmt.Fprintln(io.Err, "        "+a.lang.Say(advice))
	}
	return code
}

// chooseLang is the language that the command line asks for, or the environment. It is looked
// for before the command line is read, whose mistakes are told in it.
func chooseLang(args []string, getenv func(string) string) (text.Lang, error) {
	lang := text.FromEnv(getenv)
	for i, arg := range args {
		name, ok := strings.CutPrefix(arg, "--lang=")
		if arg == "--" {
			break
		}
		if arg == "--lang" && i+1 < len(args) {
			name, ok = args[i+1], true
		}
		if !ok {
			continue
		}
		asked, known := text.Parse(name)
		if !known {
			return lang, &wxcast.BadInput{Key: "--lang", Problem: wxcast.Say("input.invalid", "value", name),
				Want: wxcast.Say("input.use", "known", text.Langs)}
		}
		return asked, nil
	}
	return lang, nil
}

// afterInterrupt is what to say of a command that was interrupted, by what is left of it: of a measurement or
// a simulation nothing, nor of one that had not begun.
func (a *app) afterInterrupt() string {
	if !a.started || slices.Contains([]string{"bench", "demo", "sim"}, a.command.Name()) {
		return "cli.interrupted"
	}
	return "cli.interrupted_recorded"
}

// negativeCode is an errcode such as -1, which looks like a flag.
var negativeCode = regexp.MustCompile(`^-\d+$`)

// negativeCodes lets "explain -1" be written without "--".
func negativeCodes(args []string) []string {
	at := slices.IndexFunc(args, negativeCode.MatchString)
	if at < 0 || !slices.Contains(args[:at], "explain") {
		return args
	}
	return slices.Insert(slices.Clone(args), at, "--")
}

// usageError is a command line that cannot be understood.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// stateError is a broadcast that stopped before its end.
type stateError struct {
	state wxcast.BroadcastState
	*wxcast.SaidError
}

// exitCode is the one place where errors become exit codes.
func (a *app) exitCode(ctx context.Context, err error) int {
	var (
		usage    usageError
		state    *stateError
		badInput *wxcast.BadInput
		badConf  *config.Error
		badURL   *store.URLError
		notFound *account.NotFound
		conflict *account.Conflict
		gone     *account.Gone
	)
	switch {
	case errors.As(err, &state):
		if state.state == wxcast.BroadcastWaiting {
			return exitQuota
		}
		return exitPaused
	case errors.Is(err, broadcast.ErrNotRecorded):
		return exitFailed
	case ctx.Err() != nil:
		return exitInterrupted
	case errors.Is(err, followersync.ErrQuotaShort):
		return exitQuota
	case !a.started, // cobra refused the command line
		errors.As(err, &usage), errors.As(err, &badInput), errors.As(err, &badConf), errors.As(err, &badURL),
		errors.As(err, &notFound), errors.As(err, &conflict), errors.As(err, &gone),
		errors.Is(err, store.ErrUnreachable), errors.Is(err, store.ErrMoved),
		errors.Is(err, store.ErrSchemaNewer), errors.Is(err, store.ErrSchemaOlder):
		return exitUsage
	}
	switch wechat.ClassOf(err) {
	case wechat.ClassConfigStop, wechat.ClassToken:
		return exitUsage
	case wechat.ClassQuotaStop:
		return exitQuota
	}
	return exitFailed
}

// flagOf is the flag, or the argument, that an argument of a use case is given by.
func (a *app) flagOf(key string) string {
	name := strings.ReplaceAll(key, "_", "-")
	if a.command != nil && a.command.Flags().Lookup(name) != nil {
		return "--" + name
	}
	return key
}

// app is one command line while it runs.
type app struct {
	IO
	lang    text.Lang
	started bool // the command itself has begun
	command *cobra.Command

	configFile string
	account    string
	spec       account.Spec // that names the account, where no flag does
	database   string
	logLevel   string
	langFlag   string // "" where the environment decides
	json       bool
	profile    string
	profiled   func() error // writes the profiles
}

// Commands are all commands with their words, for the manual.
func Commands(lang text.Lang) *cobra.Command { return (&app{lang: lang}).root() }

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "wxcast",
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) (err error) {
			a.started, a.command = true, cmd
			if a.profile != "" {
				if a.profiled, err = startProfile(a.profile); err != nil {
					return usageError{err}
				}
			}
			return nil
		},
	}
	flags := root.PersistentFlags()
	flags.StringVar(&a.configFile, "config", "", "")
	flags.StringVar(&a.account, "account", "", "")
	flags.StringVar(&a.database, "database", "", "")
	flags.StringVar(&a.logLevel, "log-level", "", "")
	flags.StringVar(&a.langFlag, "lang", "", "")
	flags.BoolVar(&a.json, "json", false, "")
	flags.StringVar(&a.profile, "profile", "", "")
	root.AddCommand(
		a.demoCommand(), a.simCommand(), a.initCommand(), a.doctorCommand(), a.migrateCommand(),
		a.syncCommand(), a.importCommand(), a.joinCommand(), a.broadcastCommand(), a.followersCommand(),
		a.optOutCommand(),
		a.testerCommand(),
		a.backupCommand(),
		a.reportCommand(), a.serveCommand(), a.jobsCommand(), a.keyCommand(), a.auditCommand(), a.permitsCommand(),
		a.sendCommand(), a.messageCommand(), a.presetCommand(), a.eventsCommand(), a.webhookCommand(), a.goalsCommand(),
		a.visitsCommand(), a.userCommand(), a.templatesCommand(),
		a.benchCommand(),
		a.explainCommand(), a.versionCommand(), a.healthCommand(),
	)
	// Before the words: cobra's own commands keep where they write to.
	root.SetIn(a.In)
	root.SetOut(a.Out)
	root.SetErr(a.Err)
	describe(root, a.lang)
	return root
}
