package wechat

import "context"

const (
	autoReplyAPI = "/cgi-bin/get_current_autoreply_info"
	menuAPI      = "/cgi-bin/get_current_selfmenu_info"
)

// Console is what people have set up in WeChat's console that ends when callbacks go to a URL.
type Console struct {
	FollowReply    bool // to who follows
	MessageReply   bool // to any message
	KeywordReplies int  // rules for messages with a keyword
	MenuButtons    int  // of the menu that is shown
}

type autoReplyReply struct {
	status
	Follow   int `json:"is_add_friend_reply_open"`
	Message  int `json:"is_autoreply_open"`
	Keywords struct {
		List []struct{} `json:"list"`
	} `json:"keyword_autoreply_info"`
}

type menuReply struct {
	status
	Open int `json:"is_menu_open"`
	Menu struct {
		Buttons []struct{} `json:"button"`
	} `json:"selfmenu_info"`
}

// GetConsole asks for the replies and the menu that are set up in the console.
// Source: WeChat's pages get_current_autoreply_info and get_current_selfmenu_info.
func (c *Client) GetConsole(ctx context.Context) (Console, error) {
	replies, err := patiently(ctx, func() (autoReplyReply, error) {
		return call[autoReplyReply](ctx, c, autoReplyAPI, nil, nil)
	})
	if err != nil {
		return Console{}, err
	}
	menu, err := patiently(ctx, func() (menuReply, error) { return call[menuReply](ctx, c, menuAPI, nil, nil) })
	if err != nil {
		return Console{}, err
	}
	out := Console{FollowReply: replies.Follow == 1, MessageReply: replies.Message == 1,
		KeywordReplies: len(replies.Keywords.List)}
	if menu.Open == 1 {
		out.MenuButtons = len(menu.Menu.Buttons)
	}
	return out, nil
}
