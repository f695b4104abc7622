package login

import (
	"encoding/json"
	"io"
	"net/http"

	"github.com/wxcast/wxcast/internal/visit"
	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	// visitMax bounds a report of a visit, in bytes, and sceneNumberMax WeChat's scene values.
	visitMax       = 1 << 10
	sceneNumberMax = 9999
)

type visitRequest struct {
	// Mark is the page's parameter wxv.
	Mark  string `json:"wxv"`
	Scene int    `json:"scene"` // as WeChat numbers it; 0 for unknown
}

type visitAnswer struct {
	// Counted tells whether it is a visit of this person by a message to them, and the first.
	Counted bool `json:"counted"`
}

// takeVisit keeps that a person came by a message. A mark of a message to somebody else, as in a
// page that was shared, counts nothing, and is no mistake of the mini program's.
func (d *Door) takeVisit(w http.ResponseWriter, r *http.Request) {
	mini, who, ok := d.reporter(w, r)
	if !ok {
		return
	}
	var in visitRequest
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, visitMax))
	if err != nil || json.Unmarshal(body, &in) != nil || in.Scene < 0 || in.Scene > sceneNumberMax {
		answerRefused(w, r, http.StatusBadRequest, wxcast.Say("login.want_visit"))
		return
	}
	of, to, err := visit.Read(in.Mark)
	if err != nil {
		answerRefused(w, r, http.StatusBadRequest, wxcast.Say("login.want_visit"))
		return
	}
	counted := false
	for _, m := range d.MiniPrograms { // of several accounts that share it, one has sent the message
		if m.AppID != mini.AppID || counted || err != nil {
			continue
		}
		counted, err = visit.Count(r.Context(), d.Store, visit.Came{AccountID: m.AccountID, MiniID: m.ID,
			Who: wxcast.MiniOpenID(who), Of: of, To: to, At: d.Store.Now(), Scene: in.Scene})
	}
	if err != nil {
		d.Log.ErrorContext(r.Context(), "a visit was not stored", "err", err)
		answerRefused(w, r, http.StatusServiceUnavailable, wxcast.Say("login.try_again"))
		return
	}
	writeJSON(w, http.StatusOK, visitAnswer{counted})
}
