package config

import (
	"fmt"
	"net/mail"
	"net/url"
	"slices"

	"github.com/knadh/koanf/v2"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// Robot is a chat's webhook that "wxcast serve" tells reports and alerts.
type Robot struct {
	Kind   string // one of RobotKinds
	URL    Secret // it holds the robot's key
	Secret Secret // signs messages, where the robot asks for that; "" for none
}

// RobotKinds are the robots that wxcast can talk to, "json" for a webhook of your own, and
// "email" for a mail server.
var RobotKinds = []string{"wecom", "dingtalk", "feishu", "slack", "json", "email"}

var robotKeys = []string{"kind", "url", "url_file", "secret", "secret_file"}

// readRobots reads the robots of the file, and the one of the environment.
func readRobots(k *koanf.Koanf, getenv func(string) string, bad *mistakes) []Robot {
	var robots []Robot
	raw := k.Get("notify")
	list, ok := raw.([]any)
	if raw != nil && !ok {
		bad.add("notify", "", wxcast.Say("config.no_list"), wxcast.Say("config.want_robots"))
	}
	for i, one := range list {
		key := fmt.Sprintf("notify[%d]", i)
		fields, ok := one.(map[string]any)
		if !ok {
			bad.add(key, "", wxcast.Say("config.no_settings"), wxcast.Say("config.want_robot"))
			continue
		}
		onlyKnown(key, fields, robotKeys, bad)
		r := Robot{Kind: text(fields["kind"]), URL: secretOrFile(key, "url", fields, bad),
			Secret: secretOrFile(key, "secret", fields, bad)}
		checkRobot(key+".kind", key+".url", r, bad)
		robots = append(robots, r)
	}
	r := Robot{Kind: fromEnv(getenv, "WXCAST_NOTIFY_KIND", bad), URL: Secret(fromEnv(getenv, "WXCAST_NOTIFY_URL", bad)),
		Secret: Secret(fromEnv(getenv, "WXCAST_NOTIFY_SECRET", bad))}
	if r != (Robot{}) {
		checkRobot("WXCAST_NOTIFY_KIND", "WXCAST_NOTIFY_URL", r, bad)
		robots = append(robots, r)
	}
	return robots
}

func checkRobot(kindKey, urlKey string, r Robot, bad *mistakes) {
	if !slices.Contains(RobotKinds, r.Kind) {
		bad.add(kindKey, r.Kind, wxcast.Say("config.no_robot"), wxcast.Say("config.want_one_of", "known", RobotKinds))
	}
	if r.Kind == "email" {
		checkMail(urlKey, r.URL.Reveal(), bad)
		return
	}
	if u, err := url.Parse(r.URL.Reveal()); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		bad.add(urlKey, "", wxcast.Say("config.no_url"), wxcast.Say("config.want_webhook"))
	}
}

// checkMail checks smtps://USER@HOST:PORT?from=A&to=B,C.
func checkMail(key, text string, bad *mistakes) {
	want := wxcast.Say("config.want_mail")
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" {
		bad.add(key, "", wxcast.Say("config.no_mail"), want)
		return
	}
	if _, ok := u.User.Password(); ok {
		bad.add(key, "", wxcast.Say("config.mail_password"), wxcast.Say("config.want_secret"))
	}
	for name := range u.Query() {
		if name != "from" && name != "to" {
			bad.add(key, name, wxcast.Say("config.mail_key"), want)
		}
	}
	for name, list := range map[string]string{"from": u.Query().Get("from"), "to": u.Query().Get("to")} {
		if _, err := mail.ParseAddressList(list); err != nil {
			bad.add(key, name, wxcast.Say("config.no_email"), want)
		}
	}
}
