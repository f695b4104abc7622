package setup

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/notify"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
)

func adviceOf(err error) wxcast.Sentence { return account.Advice(err) }

// scratch is a store of its own for what is tried before there is one.
func (s *setup) scratch(ctx context.Context) (*store.DB, error) {
	db, err := store.Open(ctx, "sqlite://"+filepath.Join(s.folder, "try.db"))
	if err != nil {
		return nil, err
	}
	if _, _, err := db.Migrate(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// tryAccount fetches an access token, and looks at the followers and the templates.
func (s *setup) tryAccount(ctx context.Context, cfg *config.Config) (found wxcast.Sentence, err error) {
	db, err := s.scratch(ctx)
	if err != nil {
		return found, err
	}
	defer db.Close()
	of := cfg.Accounts[0]
	client := account.NewClient(cfg, of, db, account.Hooks{})
	defer client.Close()
	if _, err := client.AccessToken(ctx, ""); err != nil {
		return found, err
	}
	page, err := client.ListFollowers(ctx, "")
	if err != nil {
		return found, err
	}
	templates, err := client.ListTemplates(ctx)
	if err != nil {
		return found, err
	}
	return wxcast.Say("init.account_right", "followers", page.Total, "templates", len(templates)), nil
}

// tryMini fetches an access token of the mini program, where there is a secret.
func (s *setup) tryMini(ctx context.Context, cfg *config.Config) (found wxcast.Sentence, err error) {
	minis := cfg.Accounts[0].MiniPrograms
	if len(minis) == 0 || minis[0].Secret == "" {
		return found, nil
	}
	db, err := s.scratch(ctx)
	if err != nil {
		return found, err
	}
	defer db.Close()
	client := account.NewClient(cfg, config.Account{AppID: minis[0].AppID, Secret: minis[0].Secret}, db, account.Hooks{})
	defer client.Close()
	if _, err := client.AccessToken(ctx, ""); err != nil {
		return found, err
	}
	return wxcast.Say("init.mini_right"), nil
}

// tryDatabase looks whether the store can be written. A file of SQLite is not made yet: it is to
// be the service's, not of whoever answers questions.
func (s *setup) tryDatabase(ctx context.Context, cfg *config.Config) (found wxcast.Sentence, err error) {
	if file, ok := strings.CutPrefix(cfg.DatabaseURL, "sqlite://"); ok {
		dir := filepath.Dir(file)
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return found, wxcast.NewError("init.no_folder", "folder", dir)
		}
		return wxcast.Say("init.sqlite_right", "file", file), nil
	}
	db, err := account.OpenStore(ctx, cfg)
	if err != nil {
		return found, err
	}
	defer db.Close()
	if err := db.CheckWrites(ctx); err != nil {
		return found, err
	}
	return wxcast.Say("init.postgres_right"), nil
}

// aesKeySize is that of an EncodingAESKey: 43 letters and digits. Source: WeChat's 消息加解密说明.
const aesKeySize = 43

// tellCallbacks draws what is not given, and tells what to write into WeChat's console.
func (s *setup) tellCallbacks(context.Context, *config.Config) (wxcast.Sentence, error) {
	shown := map[answer]string{}
	for what, drawn := range map[answer]string{token: rand.Text(), aesKey: (rand.Text() + rand.Text())[:aesKeySize]} {
		if shown[what] = s.Lang.T("init.as_given"); s.have[what] == "" { // who gave it has it
			s.have[what], shown[what] = drawn, drawn
		}
	}
	s.say("init.paste", "account", s.have[name], "token", shown[token], "key", shown[aesKey])
	return wxcast.Sentence{}, nil
}

// robotHosts are the hosts of chats' robots.
var robotHosts = map[string]string{"qyapi.weixin.qq.com": "wecom", "oapi.dingtalk.com": "dingtalk",
	"open.feishu.cn": "feishu", "open.larksuite.com": "feishu", "hooks.slack.com": "slack"}

// kindOfRobot is the kind of robot at an address; "json", a webhook of the company's own, where
// the host is none of those.
func kindOfRobot(address string) string {
	if u, err := url.Parse(address); err == nil && robotHosts[u.Hostname()] != "" {
		return robotHosts[u.Hostname()]
	}
	return "json"
}

// tryRobot lets the robot say something.
func (s *setup) tryRobot(ctx context.Context, cfg *config.Config) (found wxcast.Sentence, err error) {
	if s.have[robot] == "" {
		return found, nil
	}
	r := notify.Robot{Kind: kindOfRobot(s.have[robot]), URL: config.Secret(s.have[robot]), Secret: config.Secret(""),
		Lang: s.Lang}
	n := wxcast.Notice{Kind: wxcast.NoticeAlert, Key: "init", Body: wxcast.Say("init.robot_body"),
		Title: wxcast.Say("init.robot_title", "account", s.have[name]), RaisedAt: time.Now()}
	if err := r.Tell(ctx, &http.Client{Timeout: cfg.APITimeout}, n, s.have[name], time.Now()); err != nil {
		return found, err
	}
	return wxcast.Say("init.robot_right"), nil
}
