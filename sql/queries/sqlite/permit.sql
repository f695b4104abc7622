-- name: find-permits
-- All that is kept of people and templates.
-- $1 account; $2 app; $3 JSON array of {template_id, recipient}.
SELECT template_id, recipient, granted_at, source, report_id, event_at, accepted, hint, scene, text_version, kind, messages FROM permits
WHERE account_id = $1 AND app_id = $2 AND (template_id, recipient) IN (
    SELECT value ->> 'template_id', value ->> 'recipient' FROM json_each($3))
ORDER BY granted_at, source;

-- name: put-permits
-- $1 account; $2 app; $3 JSON array of permits.
INSERT INTO permits (account_id, app_id, template_id, recipient, granted_at, source, report_id, event_at, accepted, hint, scene, text_version, kind, messages)
SELECT $1, $2, value ->> 'template_id', value ->> 'recipient', value ->> 'granted_at', value ->> 'source',
    value ->> 'report_id', value ->> 'event_at', value ->> 'accepted',
    value ->> 'hint', value ->> 'scene', value ->> 'text_version',
    value ->> 'kind', value ->> 'messages' FROM json_each($3) WHERE TRUE
ON CONFLICT (account_id, app_id, template_id, recipient, granted_at, source) DO UPDATE SET
    report_id = excluded.report_id, event_at = excluded.event_at, hint = excluded.hint, messages = excluded.messages;
