-- name: find-permits
-- All that is kept of people and templates, each named once.
-- Looked up by their key one by one, whatever the planner believes of a new table.
-- $1 account; $2 app; $3 JSON array of {template_id, recipient}.
SELECT p.template_id, p.recipient, p.granted_at, p.source, p.report_id, p.event_at, p.accepted, p.hint, p.scene,
    p.text_version, p.kind, p.messages
FROM json_to_recordset($3::json) AS r (template_id text, recipient text) CROSS JOIN LATERAL (
    SELECT x.* FROM permits x WHERE x.account_id = $1 AND x.app_id = $2 AND x.template_id = r.template_id
        AND x.recipient = r.recipient OFFSET 0) p
ORDER BY p.granted_at, p.source;

-- name: put-permits
-- $1 account; $2 app; $3 JSON array of permits.
INSERT INTO permits (account_id, app_id, template_id, recipient, granted_at, source, report_id, event_at, accepted, hint, scene, text_version, kind, messages)
SELECT $1, $2, template_id, recipient, granted_at, source, report_id, event_at, accepted, hint, scene, text_version, kind, messages FROM json_to_recordset($3::json) AS r (template_id text, recipient text,
    granted_at timestamptz, source text, report_id text, event_at timestamptz, accepted boolean, hint boolean, scene text,
    text_version text, kind text, messages int)
ON CONFLICT (account_id, app_id, template_id, recipient, granted_at, source) DO UPDATE SET
    report_id = excluded.report_id, event_at = excluded.event_at, hint = excluded.hint, messages = excluded.messages;
