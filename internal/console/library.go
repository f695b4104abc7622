package console

import (
	"io"
	"net/url"
	"strconv"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/wxcast"
)

type templatesView struct{ Templates []account.Template }

// templates are WeChat's.
func (c *call) templates() error {
	all, err := c.Account.Templates(c.ctx())
	if err != nil {
		return err
	}
	return c.show("templates", templatesView{all})
}

type presetsView struct{ Presets []account.Preset }

func (c *call) presets() error {
	all, err := c.Account.Presets(c.ctx())
	if err != nil {
		return err
	}
	return c.show("presets", presetsView{all})
}

func (c *call) preset() error {
	version, _ := strconv.Atoi(c.Query("version")) // 0: the latest
	p, err := c.Account.Preset(c.ctx(), c.r.PathValue("name"), version)
	if err != nil {
		return err
	}
	return c.show("preset", p)
}

// Preset is the address of a preset's page.
func (c *call) Preset(name string) string { return c.Of("/presets/" + url.PathEscape(name)) }

func (c *call) putPreset() error {
	p, err := c.Account.PutPreset(c.ctx(), c.Value("name"), "preset.yaml", []byte(c.Value("spec")), c.sentPicture)
	if err != nil {
		return err
	}
	return c.to(c.Preset(p.Name), "preset")
}

// sentPicture reads the picture that was sent with a preset, if it is called so.
func (c *call) sentPicture(name string) ([]byte, error) {
	f, sent, err := c.file("picture")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if sent != name {
		return nil, &wxcast.BadInput{Key: "picture", Problem: wxcast.Say("list.not_sent", "file", name),
			Want: wxcast.Say("console.want_picture")}
	}
	return io.ReadAll(io.LimitReader(f, account.DraftFileMax+1))
}

func (c *call) removePreset() error {
	if err := c.Account.RemovePreset(c.ctx(), c.r.PathValue("name")); err != nil {
		return err
	}
	return c.to(c.Of("/presets"), "preset_removed")
}
