package simulator

import (
	"encoding/json"
)

type pageReply struct {
	Total      int       `json:"total"`
	Count      int       `json:"count"`
	Data       *pageData `json:"data,omitempty"` // absent when there is none
	NextOpenID string    `json:"next_openid"`
}

type pageData struct {
	OpenID []string `json:"openid"`
}

// userGet lists the followers behind next_openid. A cursor that has unfollowed
// meanwhile goes on from where it stood; one that never was is 40003.
func (s *Server) userGet(c *call) (any, *fault) {
	from := uint32(0)
	if cursor := c.URL.Query().Get("next_openid"); cursor != "" {
		n, ok := s.world.openid.decode(cursor)
		if !ok || n >= s.listed {
			return nil, &fault{40003, "invalid openid"}
		}
		from = n + 1
	}
	reply := pageReply{Total: int(s.listed) - len(s.gone)}
	var page []string
	last := from
	for n := from; n < s.listed && len(page) < s.knobs.PageSize; n++ {
		last = n
		if !s.gone[n] {
			page = append(page, s.world.openid.encode(n))
		}
	}
	if len(page) > 0 {
		reply.Count, reply.Data, reply.NextOpenID = len(page), &pageData{page}, page[len(page)-1]
		if s.knobs.EmptyLastCursor && last+1 >= s.listed {
			reply.NextOpenID = ""
		}
	}
	return reply, nil
}

type userReply struct {
	Subscribe      int    `json:"subscribe"`
	OpenID         string `json:"openid"`
	Nickname       string `json:"nickname"`
	Sex            int    `json:"sex"`
	Language       string `json:"language"`
	City           string `json:"city"`
	Province       string `json:"province"`
	Country        string `json:"country"`
	HeadImgURL     string `json:"headimgurl"`
	SubscribeTime  int64  `json:"subscribe_time"`
	UnionID        string `json:"unionid,omitempty"`
	Remark         string `json:"remark"`
	GroupID        int    `json:"groupid"`
	TagIDList      []int  `json:"tagid_list"`
	SubscribeScene string `json:"subscribe_scene"`
	QRScene        int    `json:"qr_scene"`
	QRSceneStr     string `json:"qr_scene_str"`
}

type goneReply struct {
	Subscribe int    `json:"subscribe"`
	OpenID    string `json:"openid"`
}

// userDetails is a person as batchget tells, or nil for an openid of another app.
func (s *Server) userDetails(openid string) any {
	n, ok := s.world.openid.decode(openid)
	if !ok || n >= s.listed {
		return nil
	}
	if s.gone[n] {
		return goneReply{0, openid}
	}
	p := s.world.person(n)
	u := userReply{Subscribe: 1, OpenID: openid, SubscribeTime: p.subscribeTime.Unix(), TagIDList: p.tags, SubscribeScene: p.scene}
	if u.TagIDList == nil {
		u.TagIDList = []int{}
	}
	if p.hasUnionID {
		u.UnionID = s.world.unionid.encode(n)
	}
	return u
}

func (s *Server) userInfo(c *call) (any, *fault) {
	u := s.userDetails(c.URL.Query().Get("openid"))
	if u == nil {
		return nil, &fault{40003, "invalid openid"}
	}
	return u, nil
}

// userBatchGet answers for 1 to 100 openids; one that is none fails the call.
func (s *Server) userBatchGet(c *call) (any, *fault) {
	var in struct {
		UserList []struct {
			OpenID string `json:"openid"`
		} `json:"user_list"`
	}
	if json.Unmarshal(c.body, &in) != nil {
		return nil, &fault{47001, "data format error"}
	}
	if len(in.UserList) == 0 || len(in.UserList) > 100 {
		return nil, &fault{40032, "invalid openid list size"}
	}
	users := make([]any, len(in.UserList))
	for i, item := range in.UserList {
		if users[i] = s.userDetails(item.OpenID); users[i] == nil {
			return nil, &fault{40003, "invalid openid"}
		}
	}
	return struct {
		UserInfoList []any `json:"user_info_list"`
	}{users}, nil
}
