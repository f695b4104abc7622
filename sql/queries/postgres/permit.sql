-- name: find-permits
-- All that is kept of people and templates.
-- $1 account; $2 app; $3 JSON array of {template_id, recipient}.
SELECT template_id, recipient, granted_at, source, report_id, event_at, accepted, hint, scene, text_version, kind, messages FROM permits
WHERE account_id = $1 AND app_id = $2 AND (template_id, recipient) IN (
    SELECT template_id, recipient FROM json_to_recordset($3::json) AS r (template_id text, recipient text))
ORDER BY granted_at, source;

-- name: put-permits
-- $1 account; $2 app; $3 JSON array of permits.
INSERT INTO permits (account_id, app_id, template_id, recipient, granted_at, source, report_id, event_at, accepted, hint, scene, text_version, kind, messages)
SELECT $1, $2, template_id, recipient, granted_at, source, report_id, event_at, accepted, hint, scene, text_version, kind, messages FROM json_to_recordset($3::json) AS r (template_id text, recipient text,
    granted_at timestamptz, source text, report_id text, event_at timestamptz, accepted boolean, hint boolean, scene text,
    text_version text, kind text, messages int)
ON CONFLICT (account_id, app_id, template_id, recipient, granted_at, source) DO UPDATE SET
    report_id = excluded.report_id, event_at = excluded.event_at, hint = excluded.hint, messages = excluded.messages;
