package login

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/wxcast/wxcast/internal/foreign"
	"github.com/wxcast/wxcast/internal/permit"
	"github.com/wxcast/wxcast/internal/together"
	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	// reportsOfUser are reports of one person, of what they allow and of visits, a second and at
	// once.
	reportsOfUser, reportBurstOfUser = 1, 30
	permitsMax                       = 8 << 10 // bytes of a report
	resultsMax                       = 20      // templates of a report: a tap asks for five at most
	sceneMax                         = 64
	// together, so many reports are stored in a transaction, and nobody waits longer.
	reportsTogether = 200
	reportsWithin   = 4 * time.Second
	// answerWithin is how long a report waits for its turn: the client tries again.
	answerWithin = 8 * time.Second
)

// reportID is what a client may call an answer.
var reportID = regexp.MustCompile(`^[A-Za-z0-9_.:-]{1,64}$`)

type permitsRequest struct {
	// ID is the client's own of this answer: told again with it, it counts once.
	ID      string            `json:"id"`
	Scene   string            `json:"scene"`
	Results map[string]string `json:"results"` // what wx.requestSubscribeMessage gave, by template
	FormID  any               `json:"form_id"`
}

type permitsAnswer struct {
	Left map[string]int64 `json:"left"` // messages by template
}

// permitQueue stores the reports of one mini program.
type permitQueue = together.Queue[[]wxcast.PermitReport, map[string]int64]

func newPermitQueue(store Store, m MiniProgram) *permitQueue {
	return together.New(reportsTogether, reportsWithin,
		func(ctx context.Context, all [][]wxcast.PermitReport) ([]map[string]int64, error) {
			var reports []wxcast.PermitReport
			for _, one := range all {
				reports = append(reports, one...)
			}
			balances, err := store.RecordPermits(ctx, m.AccountID, m.ID, reports)
			if err != nil {
				return nil, err
			}
			of := map[wxcast.Recipient]map[string]int64{}
			for _, b := range balances {
				if of[b.Recipient] == nil {
					of[b.Recipient] = map[string]int64{}
				}
				of[b.Recipient][b.TemplateID] = b.Messages
			}
			left := make([]map[string]int64, len(all))
			for i, one := range all {
				left[i] = map[string]int64{}
				for _, r := range one {
					left[i][r.TemplateID] = of[r.Recipient][r.TemplateID]
				}
			}
			return left, nil
		})
}

// takePermits stores what a person answered when the mini program asked them to allow messages.
func (d *Door) takePermits(w http.ResponseWriter, r *http.Request) {
	mini, who, ok := d.reporter(w, r)
	if !ok {
		return
	}
	var in permitsRequest
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, permitsMax))
	if err != nil || json.Unmarshal(body, &in) != nil {
		answerRefused(w, r, http.StatusBadRequest, wxcast.Say("login.want_report"))
		return
	}
	reports, problem := in.reports(who, d.Store.Now())
	if !problem.IsZero() {
		answerRefused(w, r, http.StatusBadRequest, problem)
		return
	}
	answer := permitsAnswer{Left: map[string]int64{}}
	if len(reports) > 0 {
		ctx, cancel := context.WithTimeout(r.Context(), answerWithin)
		defer cancel()
		if answer.Left, err = d.permits[mini.AppID].Put(ctx, reports); err != nil {
			d.Log.ErrorContext(r.Context(), "what a person allows was not stored", "err", err)
			answerRefused(w, r, http.StatusServiceUnavailable, wxcast.Say("login.try_again_same_id"))
			return
		}
	}
	writeJSON(w, http.StatusOK, answer)
}

// reporter is who reports something about themselves; ok is false where they were refused.
func (d *Door) reporter(w http.ResponseWriter, r *http.Request) (mini MiniProgram, who wxcast.Recipient, ok bool) {
	mini, who, err := d.session(r)
	switch {
	case err != nil:
		d.refuse(w, r, http.StatusUnauthorized, wxcast.Say("login.no_session"))
	case !d.reports.Allow(string(who), time.Now()):
		answerRefused(w, r, http.StatusTooManyRequests, wxcast.Say("login.too_many_reports"))
	default:
		ok = true
	}
	return mini, who, ok
}

// session is whose session a request has, and of which mini program.
func (d *Door) session(r *http.Request) (mini MiniProgram, who wxcast.Recipient, err error) {
	shown, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return mini, "", errors.New("no session")
	}
	var claims jwt.RegisteredClaims
	_, err = jwt.ParseWithClaims(shown, &claims, func(session *jwt.Token) (any, error) {
		for _, key := range []interface{ Reveal() string }{d.Key, d.OldKey} {
			if key != nil && key.Reveal() != "" && session.Header["kid"] == KeyID(key.Reveal()) {
				return []byte(key.Reveal()), nil
			}
		}
		return nil, errors.New("no key of ours")
	}, jwt.WithValidMethods([]string{"HS256"}), jwt.WithIssuer("wxcast"), jwt.WithExpirationRequired(),
		jwt.WithTimeFunc(d.Store.Now))
	if err != nil || len(claims.Audience) != 1 || claims.Subject == "" {
		return mini, "", errors.Join(err, errors.New("no session of ours"))
	}
	if mini, ok = d.miniProgram(wxcast.AppID(claims.Audience[0])); !ok {
		return mini, "", errors.New("no mini program of ours")
	}
	return mini, wxcast.Recipient(claims.Subject), nil
}

// reports are the answers that count: accepted or refused. A template that is banned or
// filtered was not shown to the person.
func (in permitsRequest) reports(who wxcast.Recipient, now time.Time) (reports []wxcast.PermitReport,
	problem wxcast.Sentence) {
	switch {
	case in.FormID != nil:
		return nil, wxcast.Say("permits.form_id")
	case !reportID.MatchString(in.ID):
		return nil, wxcast.Say("permits.want_report_id")
	case len(in.Results) == 0 || len(in.Results) > resultsMax:
		return nil, wxcast.Say("permits.how_many_results", "n", len(in.Results), "most", resultsMax)
	}
	for template, result := range in.Results {
		if template == "errMsg" { // the whole answer was sent on
			continue
		}
		if !permit.TemplateID.MatchString(template) {
			return nil, wxcast.Say("permits.no_template", "value", foreign.Text(template, sceneMax))
		}
		accepted := strings.HasPrefix(result, "accept")
		switch {
		case accepted, result == "reject":
		case result == "ban", result == "filter":
			continue
		default:
			return nil, wxcast.Say("permits.no_result", "template", template, "value", foreign.Text(result, sceneMax))
		}
		reports = append(reports, wxcast.PermitReport{Recipient: who, TemplateID: template, Accepted: accepted,
			Source: wxcast.PermitByClient, ID: in.ID, At: now, Scene: foreign.Text(in.Scene, sceneMax),
			Kind: wxcast.PermitOnce})
	}
	return reports, problem
}
