package cli

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wxcast/wxcast/internal/text"
)

// describe gives the commands their words, in the language of this command line. They stand
// in internal/text/help.go, by the path of the command and the name of the flag.
func describe(root *cobra.Command, lang text.Lang) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	root.SetUsageTemplate(usageTemplate(lang))
	root.SetHelpTemplate(helpTemplate)
	for _, c := range everyCommand(root) {
		c.InitDefaultHelpFlag()
		path := helpPath(c)
		if short, ok := lang.Lookup("help" + path); ok {
			c.Short = short
		}
		if _, ok := lang.Lookup("help" + path + ".long"); ok {
			c.Long = lang.T("help"+path+".long", helpArgs(path, lang)...)
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if usage, ok := flagUsage(lang, path, f.Name); ok {
				f.Usage = usage
			}
		})
	}
}

// helpArgs fill in the help of a command.
func helpArgs(path string, lang text.Lang) []any {
	if path == ".bench" {
		return benchHelp(lang)
	}
	return nil
}

// everyCommand is a command with all below it.
func everyCommand(c *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{c}
	for _, sub := range c.Commands() {
		all = append(all, everyCommand(sub)...)
	}
	return all
}

// helpPath is a command's path behind the program's name, such as ".broadcast.run".
func helpPath(c *cobra.Command) string {
	return strings.ReplaceAll(strings.TrimPrefix(c.CommandPath(), c.Root().Name()), " ", ".")
}

func flagUsage(lang text.Lang, path, name string) (string, bool) {
	if usage, ok := lang.Lookup("flag" + path + "." + name); ok {
		return usage, true
	}
	return lang.Lookup("flag." + name)
}

// helpTemplate is cobra's, without blanks at the end of lines.
const helpTemplate = `{{with (or .Long .Short)}}{{. | trimTrailingWhitespaces}}

{{end}}{{if or .Runnable .HasSubCommands}}{{.UsageString}}{{end}}`

// usageTemplate is cobra's own, with its headings in a language.
func usageTemplate(lang text.Lang) string {
	return strings.NewReplacer(
		"USAGE", lang.T("cli.usage"), "EXAMPLES", lang.T("cli.examples"),
		"COMMANDS", lang.T("cli.commands"), "GLOBALFLAGS", lang.T("cli.global_flags"), "FLAGS", lang.T("cli.flags"),
		"MORE", lang.T("cli.more", "command", "{{.CommandPath}} [command] --help"),
	).Replace(`USAGE{{if .Runnable}}
  {{.UseLine}}{{end}}{{if .HasAvailableSubCommands}}
  {{.CommandPath}} [command]{{end}}{{if .HasExample}}

EXAMPLES
{{.Example}}{{end}}{{if .HasAvailableSubCommands}}

COMMANDS{{range .Commands}}{{if (or .IsAvailableCommand (eq .Name "help"))}}
  {{rpad .Name .NamePadding }} {{.Short}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

FLAGS
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableInheritedFlags}}

GLOBALFLAGS
{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableSubCommands}}

MORE{{end}}
`)
}
