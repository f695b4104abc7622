package simulator

import "fmt"

// autoReplies tells what the console answers to messages.
func (s *Server) autoReplies(*call) (any, *fault) {
	type rule struct {
		Name string `json:"rule_name"`
	}
	var reply struct {
		Follow   int `json:"is_add_friend_reply_open"`
		Message  int `json:"is_autoreply_open"`
		Keywords struct {
			List []rule `json:"list"`
		} `json:"keyword_autoreply_info"`
	}
	reply.Keywords.List = []rule{}
	for n := range s.knobs.KeywordReplies {
		reply.Keywords.List = append(reply.Keywords.List, rule{fmt.Sprintf("规则%d", n+1)})
	}
	if len(reply.Keywords.List) > 0 {
		reply.Follow = 1
	}
	return reply, nil
}

// menu tells the menu that is shown.
func (s *Server) menu(*call) (any, *fault) {
	type button struct {
		Type string `json:"type"`
		Name string `json:"name"`
		URL  string `json:"url"`
	}
	var reply struct {
		Open int `json:"is_menu_open"`
		Menu struct {
			Buttons []button `json:"button"`
		} `json:"selfmenu_info"`
	}
	reply.Menu.Buttons = []button{}
	for n := range s.knobs.MenuButtons {
		reply.Open = 1
		reply.Menu.Buttons = append(reply.Menu.Buttons,
			button{"view", fmt.Sprintf("菜单%d", n+1), "https://example.com/"})
	}
	return reply, nil
}
