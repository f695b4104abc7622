package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// specFlags change what a spec says, for one command.
type specFlags struct{ account.Overrides }

func (f *specFlags) add(cmd *cobra.Command) {
	cmd.Flags().Float64Var(&f.Rate, "rate", 0, "")
	cmd.Flags().StringVar(&f.OnBadValue, "on-bad-value", "", "")
}

// addSending adds the flags of commands that send a whole broadcast.
func (f *specFlags) addSending(cmd *cobra.Command) {
	f.add(cmd)
	cmd.Flags().StringVar(&f.OnUnknown, "on-unknown", "", "")
}

// loadSpec reads a spec with the flags on top. The spec names the account where no flag does.
func (a *app) loadSpec(cmd *cobra.Command, file string, f specFlags) (account.Spec, error) {
	if cmd.Flags().Changed("rate") {
		if err := account.CheckRate(f.Rate); err != nil {
			return account.Spec{}, err
		}
	}
	spec, err := account.ReadSpec(account.SpecFile{Path: file, Overrides: f.Overrides})
	if err == nil {
		a.useAccountOf(spec)
	}
	return spec, err
}

// useAccountOf uses the account that a spec names, where no flag does.
func (a *app) useAccountOf(spec account.Spec) {
	if a.account == "" && spec.Spec != nil && spec.Account != "" {
		a.account, a.spec = spec.Account, spec
	}
}

// asker is who sits at the command line. yes is what they said in advance.
func (a *app) asker(yes bool) account.Asker {
	who := account.Asker{Say: a.tell, Confirm: a.confirm, Watches: a.Terminal || !yes}
	if yes {
		who.Confirm = nil
	}
	return who
}

// sending is a broadcast that this process sends, with a bar of how far it is.
func (a *app) sending(who account.Asker, wait bool) account.Sending {
	var bar *progress
	return account.Sending{
		Asker: who, Wait: wait,
		Progress: func(done, whole int64) {
			if bar == nil {
				bar = a.progress(a.lang.T("progress.sending"))
			}
			bar.set(done, whole)
		},
		Pause: func() {
			if bar != nil {
				bar.end()
				bar = nil
			}
		},
	}
}

// tell says something beside the result.
func (a *app) tell(s wxcast.Sentence) { fmt.Fprintln(a.Err, a.lang.Say(s)) }
