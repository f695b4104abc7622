package wechat

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Class says what a failed call means for the caller. Callers switch on it and
// never on the text.
type Class int

// The classes. Source: the table of error codes in docs/errcodes.md.
const (
	ClassOK         Class = iota
	ClassRetryNow         // once more at once, with the same client_msg_id
	ClassRetryLater       // back off and try again
	ClassToken            // the access token was refused
	ClassQuotaStop        // nothing more today
	ClassDead             // this recipient cannot be reached
	ClassConfigStop       // nothing works until a person mends something
	ClassMsgBad           // this message only; when all fail, the text is wrong
	ClassHeld             // WeChat has it and decides later: never send again
)

var classNames = [...]string{"ok", "retry now", "retry later", "token", "quota stop", "dead", "config stop",
	"message bad", "held"}

func (c Class) String() string { return classNames[c] }

// Error is a call that did not succeed: a reply whose errcode is not 0, or no
// usable reply at all. It never holds a token or a secret.
type Error struct {
	Path    string // API path, such as "/cgi-bin/message/template/send"
	ErrCode int    // WeChat's errcode; 0 when there was no readable reply
	ErrMsg  string // WeChat's errmsg without the rid, for people
	RID     string // WeChat's request id, to quote in a ticket
	// HTTPStatus is set when the answer was not 200.
	HTTPStatus int
	// MaybeDone is true when WeChat may have acted on the call all the same: the
	// request was sent and no clear answer came back.
	MaybeDone bool
	// Unreadable is true for a whole reply that is no JSON, or not what it should be. Asked for
	// less, WeChat may leave out what breaks it.
	Unreadable bool
	// Err is the fault below, where WeChat gave no reply.
	Err error
	// class overrides the class of ErrCode.
	class Class
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Path + ": ")
	switch {
	case e.ErrCode != 0:
		fmt.Fprintf(&b, "%d %s", e.ErrCode, e.ErrMsg)
	case e.HTTPStatus != 0:
		fmt.Fprintf(&b, "HTTP status %d", e.HTTPStatus)
		if e.Err != nil {
			b.WriteString(": " + e.Err.Error())
		}
	case e.Err != nil:
		b.WriteString(e.Err.Error())
	}
	if e.RID != "" {
		b.WriteString(" (rid " + e.RID + ")")
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// Class is what the error means for the caller.
func (e *Error) Class() Class {
	if e.class != ClassOK {
		return e.class
	}
	if e.ErrCode == 0 {
		return ClassRetryLater
	}
	return ClassOfCode(e.ErrCode)
}

// ClassOf is the class of a call's error: ClassOK for nil, ClassRetryLater for
// what is not an *Error.
func ClassOf(err error) Class {
	if err == nil {
		return ClassOK
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Class()
	}
	return ClassRetryLater
}

// Unreadable tells whether WeChat answered in whole, and what it answered cannot be read.
func Unreadable(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Unreadable
}

// CodeOf is WeChat's errcode in err, or 0 when WeChat gave none.
func CodeOf(err error) int {
	var e *Error
	if errors.As(err, &e) {
		return e.ErrCode
	}
	return 0
}

// ridText is how an errmsg ends: " rid: 61725984-6126f6f9-040f19c4", with a comma
// before it in the /sns/ family.
var ridText = regexp.MustCompile(`,?\s*rid: ([0-9A-Za-z-]+)\s*$`)

// replyError makes the error of a reply with an errcode. hide are texts that
// must not appear in it.
func replyError(path string, code int, msg string, hide ...string) *Error {
	e := &Error{Path: path, ErrCode: code, ErrMsg: redact(msg, hide)}
	if m := ridText.FindStringSubmatchIndex(e.ErrMsg); m != nil {
		e.RID, e.ErrMsg = e.ErrMsg[m[2]:m[3]], e.ErrMsg[:m[0]]
	}
	// "System busy" does not say whether the work was done.
	e.MaybeDone = code == -1 || code == 268487001 || code == 268487002
	return e
}

func redact(text string, hide []string) string {
	for _, h := range hide {
		if h != "" {
			text = strings.ReplaceAll(text, h, "[hidden]")
		}
	}
	return text
}
