package api

import (
	"context"
	"net/http"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/wxcast"
)

func (a *API) addAudit() {
	type page struct {
		Before int64 `query:"before" minimum:"0" doc:"entries older than this id; 0 for the latest"`
		Limit  int   `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	}
	type auditLog struct {
		Entries []wxcast.AuditEntry `json:"entries"`
	}
	register(a, operation("list-audit", http.MethodGet, "/audit", "Who changed what, the latest first",
		wxcast.ScopeAudit),
		func(ctx context.Context, of *account.Account, in *page) (auditLog, error) {
			entries, err := of.Audit(ctx, in.Before, in.Limit)
			return auditLog{entries}, err
		})
}
