package api

import (
	"context"
	"net/http"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/wxcast"
)

func (a *API) addAudit() {
	type page struct {
		Before int64  `query:"before" minimum:"0" doc:"entries older than this id; 0 for the latest"`
		Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
		Of     string `query:"of" maxLength:"64" doc:"only what is about the person with this id, as it was asked for"`
	}
	type auditLog struct {
		Entries []wxcast.AuditEntry `json:"entries"`
	}
	register(a, operation("list-audit", http.MethodGet, "/audit", "Who changed what, the latest first",
		wxcast.ScopeAudit),
		func(ctx context.Context, of *account.Account, in *page) (auditLog, error) {
			entries, err := of.Audit(ctx, in.Before, in.Limit, in.Of)
			return auditLog{entries}, err
		})
	type head struct {
		Head string `query:"head" doc:"what an earlier check told, ID:HASH: whether the log up to there is the same"`
	}
	register(a, operation("verify-audit", http.MethodGet, "/audit/verify", "Whether the audit log is as it was written",
		wxcast.ScopeAudit),
		func(ctx context.Context, of *account.Account, in *head) (account.AuditCheck, error) {
			return of.VerifyAudit(ctx, in.Head)
		})
}
