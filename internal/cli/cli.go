// Package cli is the command line: flags in, tables out. One file has one command; what it
// does is a use case of internal/account.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
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
}

// System is the process's own world.
func System() IO {
	onTerminal := term.IsTerminal(int(os.Stderr.Fd()))
	return IO{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv,
		Terminal: onTerminal, Asks: onTerminal && term.IsTerminal(int(os.Stdin.Fd())),
	}
}

// Run runs one command line and returns its exit code. Every error is told on
// io.Err once, here.
func Run(ctx context.Context, args []string, io IO) int {
	a := &app{IO: io, lang: text.FromEnv(io.Getenv)}
	root := a.root()
	root.SetArgs(negativeCodes(args))
	root.SetIn(io.In)
	root.SetOut(io.Out)
	root.SetErr(io.Err)
	err := root.ExecuteContext(ctx)
	if a.profiled != nil {
		err = errors.Join(err, a.profiled())
	}
	if err == nil {
		return exitDone
	}
	code := a.exitCode(ctx, err)
	if code == exitInterrupted {
		fmt.Fprintln(io.Err, "wxcast: interrupted"+a.afterInterrupt())
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

// afterInterrupt says what is left of a command that was interrupted: of a measurement or
// a simulation nothing, nor of one that had not begun.
func (a *app) afterInterrupt() string {
	if !a.started || slices.Contains([]string{"bench", "demo", "sim"}, a.command.Name()) {
		return ""
	}
	return "; everything done so far is recorded, run the same command again to go on"
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

// stateError is a broadcast that stopped before its end.
type stateError struct {
	state wxcast.BroadcastState
	text  string
}

func (e *stateError) Error() string { return e.text }

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
		errors.As(err, &notFound), errors.As(err, &conflict),
		errors.Is(err, store.ErrUnreachable), errors.Is(err, store.ErrSchemaNewer), errors.Is(err, store.ErrSchemaOlder):
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
	json       bool
	profile    string
	profiled   func() error // writes the profiles
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "wxcast",
		Short: "Reach your mini program's users through your official account",
		Long: `wxcast syncs the followers of a WeChat official account, joins them to the users
of your mini program by unionid, and sends them template messages that open it:
paced, inside the daily quota, resumable, no one skipped and no one twice.

Start with:  wxcast demo`,
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
	flags.StringVar(&a.configFile, "config", "", "configuration `FILE` (default "+config.DefaultFile+" if it exists)")
	flags.StringVar(&a.account, "account", "", "`NAME` of the account, where there are several")
	flags.StringVar(&a.database, "database", "", "database `URL`: sqlite://FILE or postgres://… (default sqlite://wxcast.db)")
	flags.StringVar(&a.logLevel, "log-level", "", "debug, info, warn or error")
	flags.BoolVar(&a.json, "json", false, "print one JSON object on standard output")
	flags.StringVar(&a.profile, "profile", "", "write Go profiles (CPU, allocations, waiting) into this `FOLDER`")
	root.AddCommand(
		a.demoCommand(), a.simCommand(), a.doctorCommand(), a.migrateCommand(),
		a.syncCommand(), a.importCommand(), a.joinCommand(), a.broadcastCommand(), a.followersCommand(), a.optOutCommand(),
		a.reportCommand(), a.serveCommand(), a.jobsCommand(), a.keyCommand(), a.auditCommand(), a.benchCommand(), a.explainCommand(), a.versionCommand(),
	)
	return root
}
