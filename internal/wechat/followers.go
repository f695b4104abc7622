package wechat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/wxcast/wxcast/internal/foreign"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// API paths of the follower calls, as quota/get names them.
const (
	UserGetAPI  = "/cgi-bin/user/get"
	BatchGetAPI = "/cgi-bin/user/info/batchget"
	userInfoAPI = "/cgi-bin/user/info"
)

// Sizes that WeChat decides. Source: api_getfans and api_batchuserinfo, read 2026-11-20.
const (
	PageSizeMax  = 10_000
	BatchSizeMax = 100
)

// FollowerPage is one page of an account's follower list.
type FollowerPage struct {
	Total   int64 // WeChat's count of all followers at this moment
	OpenIDs []wxcast.OpenID
	// NextOpenID is the cursor for the page behind this one; the list is at its
	// end when it is "" or the one that was asked with, or OpenIDs is empty.
	NextOpenID wxcast.OpenID
}

type pageReply struct {
	status
	Total int64 `json:"total"`
	Count *int  `json:"count"`
	Data  struct {
		OpenID []wxcast.OpenID `json:"openid"`
	} `json:"data"` // absent at the end
	NextOpenID wxcast.OpenID `json:"next_openid"`
}

// ListFollowers returns the page behind next, or the first for "". WeChat
// promises no snapshot: who comes or leaves meanwhile may be missed.
func (c *Client) ListFollowers(ctx context.Context, next wxcast.OpenID) (FollowerPage, error) {
	query := url.Values{}
	if next != "" {
		query.Set("next_openid", string(next))
	}
	out, err := call[pageReply](ctx, c, UserGetAPI, query, nil)
	if err != nil {
		return FollowerPage{}, err
	}
	// A reply that is no page must not be taken for the end of the list.
	if out.Count == nil || *out.Count != len(out.Data.OpenID) {
		return FollowerPage{}, &Error{Path: UserGetAPI,
			Err: fmt.Errorf("the reply is no page: its count is not the number of its %d openids",
				len(out.Data.OpenID))}
	}
	return FollowerPage{Total: out.Total, OpenIDs: out.Data.OpenID, NextOpenID: out.NextOpenID}, nil
}

// user is the wire form of a follower's details. Nickname, avatar, sex and place
// have carried no data since 2021-12-27 and are not read.
type user struct {
	Subscribe      int           `json:"subscribe"`
	OpenID         wxcast.OpenID `json:"openid"`
	SubscribeTime  int64         `json:"subscribe_time"`
	UnionID        string        `json:"unionid"`
	Remark         string        `json:"remark"`
	TagIDList      []int         `json:"tagid_list"`
	SubscribeScene string        `json:"subscribe_scene"`
}

// What is kept at most, in bytes; WeChat's own remarks have 30 characters.
const (
	remarkMax = 512
	sceneMax  = 64
)

func (u user) follower() wxcast.Follower {
	f := wxcast.Follower{
		OpenID: u.OpenID, Subscribed: u.Subscribe == 1,
		Scene: foreign.Text(u.SubscribeScene, sceneMax), Remark: foreign.Text(u.Remark, remarkMax), Tags: u.TagIDList,
	}
	if wxcast.ValidID(u.UnionID) {
		f.UnionID = wxcast.UnionID(u.UnionID)
	}
	if u.SubscribeTime > 0 {
		f.SubscribeTime = time.Unix(u.SubscribeTime, 0).UTC()
	}
	return f
}

type batchReply struct {
	status
	Users []user `json:"user_info_list"`
}

// DetailCalls is how many calls it took to get details.
type DetailCalls struct {
	Batch  int // user/info/batchget
	Single int // user/info
}

// Plus are the calls of both.
func (d DetailCalls) Plus(other DetailCalls) DetailCalls {
	return DetailCalls{d.Batch + other.Batch, d.Single + other.Single}
}

// BatchGetUsers returns the details of up to BatchSizeMax openids of this
// account, each exactly once, and how many calls it took. Who does not follow
// any more comes back with Subscribed false.
//
// A reply in which unionids may belong to other openids is not believed: those in
// doubt are read again one by one.
func (c *Client) BatchGetUsers(ctx context.Context, openids []wxcast.OpenID) (followers []wxcast.Follower,
	calls DetailCalls, err error) {
	type item struct {
		OpenID wxcast.OpenID `json:"openid"`
	}
	in := struct {
		UserList []item `json:"user_list"`
	}{make([]item, len(openids))}
	for i, o := range openids {
		in.UserList[i].OpenID = o
	}
	body, err := json.Marshal(in)
	if err != nil {
		return nil, calls, err
	}
	calls.Batch = 1
	out, err := call[batchReply](ctx, c, BatchGetAPI, nil, body)
	switch CodeOf(err) {
	case 0:
	case 40003, 40031, 40032: // an openid that is none, or the list's size: halve
		if len(openids) > 1 {
			return c.batchGetHalves(ctx, openids)
		}
		if CodeOf(err) == 40003 {
			return []wxcast.Follower{{OpenID: openids[0]}}, calls, nil
		}
	}
	if err != nil {
		return nil, calls, err
	}
	if followers, err = matchUsers(openids, out.Users); err != nil {
		return nil, calls, err
	}
	for i := range followers {
		if !inDoubt(followers, i) {
			continue
		}
		calls.Single++
		if followers[i], err = c.GetUser(ctx, followers[i].OpenID); err != nil {
			return nil, calls, err
		}
	}
	return followers, calls, nil
}

// inDoubt tells whether the unionid of one follower of a reply may be another's.
// An openid that is no follower's has been seen to shift the unionids of those
// behind it by one. Source: report oCJUsw9O7spQia91XWy7NQSCS-QE, 2024-09.
func inDoubt(reply []wxcast.Follower, i int) bool {
	if !reply[i].Subscribed || reply[i].UnionID == "" {
		return false
	}
	for j, other := range reply {
		if j < i && !other.Subscribed || j != i && other.UnionID == reply[i].UnionID {
			return true
		}
	}
	return false
}

// GetUser returns one follower's details; Subscribed is false for who does not
// follow, or never did.
func (c *Client) GetUser(ctx context.Context, openid wxcast.OpenID) (wxcast.Follower, error) {
	out, err := call[userReply](ctx, c, userInfoAPI, url.Values{"openid": {string(openid)}, "lang": {"zh_CN"}}, nil)
	switch {
	case CodeOf(err) == 40003:
		return wxcast.Follower{OpenID: openid}, nil
	case err != nil:
		return wxcast.Follower{}, err
	case out.OpenID != openid:
		return wxcast.Follower{}, &Error{Path: userInfoAPI, Err: errors.New("the reply is about another openid")}
	}
	return out.follower(), nil
}

type userReply struct {
	status
	user
}

func (c *Client) batchGetHalves(ctx context.Context, openids []wxcast.OpenID) ([]wxcast.Follower, DetailCalls, error) {
	calls := DetailCalls{Batch: 1}
	var all []wxcast.Follower
	for _, half := range [][]wxcast.OpenID{openids[:len(openids)/2], openids[len(openids)/2:]} {
		followers, n, err := c.BatchGetUsers(ctx, half)
		calls = calls.Plus(n)
		if err != nil {
			return nil, calls, err
		}
		all = append(all, followers...)
	}
	return all, calls, nil
}

// matchUsers checks that the reply is about exactly the openids that were asked
// for; neither its order nor its length is promised.
func matchUsers(asked []wxcast.OpenID, users []user) ([]wxcast.Follower, error) {
	want := make(map[wxcast.OpenID]bool, len(asked))
	for _, o := range asked {
		want[o] = true
	}
	followers := make([]wxcast.Follower, 0, len(users))
	for _, u := range users {
		if !want[u.OpenID] {
			return nil, &Error{Path: BatchGetAPI,
				Err: fmt.Errorf("the reply names an openid that was not asked for, or one twice")}
		}
		delete(want, u.OpenID)
		followers = append(followers, u.follower())
	}
	if len(want) > 0 {
		return nil, &Error{Path: BatchGetAPI, Err: fmt.Errorf("the reply lacks %d of %d openids", len(want),
			len(asked))}
	}
	return followers, nil
}
