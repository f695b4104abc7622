package simulator

import (
	"encoding/json"
	"slices"
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
		if !ok || n >= s.listed || s.gone[n] && s.knobs.RefuseGoneCursor {
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
	if at, ok := s.came[n]; ok {
		p.subscribeTime = at
	}
	u := userReply{Subscribe: 1, OpenID: openid, SubscribeTime: p.subscribeTime.Unix(), TagIDList: p.tags,
		SubscribeScene: p.scene}
	if u.TagIDList == nil {
		u.TagIDList = []int{}
	}
	if p.hasUnionID {
		u.UnionID = s.world.unionid.encode(n)
	}
	if _, raw := s.knobs.RawRemarks[openid]; raw {
		u.Remark = rawRemark(openid)
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
	if s.knobs.BatchCost == "openid" {
		if f := s.spendQuota(c.api, int64(len(in.UserList)-1)); f != nil {
			return nil, f
		}
	}
	users := make([]any, len(in.UserList))
	for i, item := range in.UserList {
		if users[i] = s.userDetails(item.OpenID); users[i] == nil {
			if !s.knobs.ShiftUnionIDs {
				return nil, &fault{40003, "invalid openid"}
			}
			users[i] = goneReply{0, item.OpenID}
		}
	}
	if s.knobs.ShiftUnionIDs {
		shiftUnionIDs(users)
	}
	return struct {
		UserInfoList []any `json:"user_info_list"`
	}{users}, nil
}

// shiftUnionIDs moves the unionids behind the first openid of nobody by one place,
// as was reported in 2024.
func shiftUnionIDs(users []any) {
	behind, before := false, ""
	for i := range users {
		u, follows := users[i].(userReply)
		if !follows {
			behind = true
			continue
		}
		if behind {
			u.UnionID, before = before, u.UnionID
			users[i] = u
		} else {
			before = u.UnionID
		}
	}
}

// tagNames are the account's tags.
var tagNames = map[int]string{100: "新客", 101: "老客", 102: "会员"}

type tagReply struct {
	ID    int    `json:"id"`
	Name  string `json:"name"`
	Count int    `json:"count"`
}

func (s *Server) tagsGet(*call) (any, *fault) {
	counts := map[int]int{}
	for n := range s.listed {
		if !s.gone[n] {
			for _, tag := range s.world.person(n).tags {
				counts[tag]++
			}
		}
	}
	var tags []tagReply
	for id := 100; id < 103; id++ {
		tags = append(tags, tagReply{id, tagNames[id], counts[id]})
	}
	return struct {
		Tags []tagReply `json:"tags"`
	}{tags}, nil
}

// tagFollowers lists the followers with a tag, as user/get lists all.
func (s *Server) tagFollowers(c *call) (any, *fault) {
	var in struct {
		TagID      int    `json:"tagid"`
		NextOpenID string `json:"next_openid"`
	}
	if json.Unmarshal(c.body, &in) != nil {
		return nil, &fault{47001, "data format error"}
	}
	if tagNames[in.TagID] == "" {
		return nil, &fault{45159, "invalid tag id"}
	}
	from := uint32(0)
	if in.NextOpenID != "" {
		n, ok := s.world.openid.decode(in.NextOpenID)
		if !ok || n >= s.listed {
			return nil, &fault{40003, "invalid openid"}
		}
		from = n + 1
	}
	var reply struct {
		Count      int       `json:"count"`
		Data       *pageData `json:"data,omitempty"`
		NextOpenID string    `json:"next_openid"`
	}
	var page []string
	for n := from; n < s.listed && len(page) < s.knobs.PageSize; n++ {
		if !s.gone[n] && slices.Contains(s.world.person(n).tags, in.TagID) {
			page = append(page, s.world.openid.encode(n))
		}
	}
	if len(page) > 0 {
		reply.Count, reply.Data, reply.NextOpenID = len(page), &pageData{page}, page[len(page)-1]
	}
	return reply, nil
}

func (s *Server) tagsOfFollower(c *call) (any, *fault) {
	var in struct {
		OpenID string `json:"openid"`
	}
	if json.Unmarshal(c.body, &in) != nil {
		return nil, &fault{47001, "data format error"}
	}
	n, ok := s.world.openid.decode(in.OpenID)
	if !ok || n >= s.listed {
		return nil, &fault{40003, "invalid openid"}
	}
	return struct {
		TagIDList []int `json:"tagid_list"`
	}{append([]int{}, s.world.person(n).tags...)}, nil
}
