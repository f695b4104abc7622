package wxcast

import (
	"strconv"
	"strings"
	"time"
)

// Tester is a person of the company's, to whose phone tests are sent.
type Tester struct {
	OpenID OpenID
	Since  time.Time // UTC
	Source string    // "scan", or who added them
}

// TestersMax is how many testers an account has at most: as many as one test goes to.
const TestersMax = 20

// testerScene is what begins the scene of a QR code that makes a tester of who scans it.
const testerScene = "wxcast_tester_"

// TesterScene is the scene of a QR code (scene_str, at most 64 characters) that makes a tester of
// who scans it before a time.
func TesterScene(until time.Time) string {
	return testerScene + strconv.FormatInt(until.Unix(), 10)
}

// MakesTester tells whether a scan at a time makes a tester: WeChat tells of it by the scene, with
// "qrscene_" before it where the person follows by it. Only who holds the account's token can make
// a QR code of the account, and with it a scene.
func MakesTester(eventKey string, at time.Time) bool {
	until, ok := strings.CutPrefix(strings.TrimPrefix(eventKey, "qrscene_"), testerScene)
	if !ok {
		return false
	}
	unix, err := strconv.ParseInt(until, 10, 64)
	return err == nil && at.Unix() <= unix
}
