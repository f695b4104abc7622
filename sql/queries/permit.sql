-- name: permits-heard
-- Whether WeChat itself tells what people allow.
-- $1 app; $2 since, UTC.
SELECT heard_at IS NOT NULL AND heard_at > $2 FROM apps WHERE id = $1;

-- name: hear-permits
-- $1 app; $2 now, UTC; $3 an hour ago: more often it is not written.
UPDATE apps SET heard_at = $2 WHERE id = $1 AND (heard_at IS NULL OR heard_at < $3);

-- name: permit-status
-- What people allow, by template and kind.
-- $1 account; $2 app.
SELECT template_id, kind, COUNT(DISTINCT recipient) AS people, SUM(messages) AS permits FROM permits
WHERE account_id = $1 AND app_id = $2 AND messages > 0 GROUP BY template_id, kind ORDER BY template_id, kind;

-- name: permits-of-person
-- The latest first.
-- $1 account; $2 app; $3 recipient.
SELECT template_id, recipient, granted_at, source, hint, scene, text_version, kind, messages FROM permits
WHERE account_id = $1 AND app_id = $2 AND recipient = $3 AND accepted ORDER BY granted_at DESC, template_id;

-- name: permit-balances
-- How many messages are left to each person and template, in order.
-- $1 account; $2 app; $3 after this template, and $4 this recipient of it; $5 at most.
SELECT template_id, recipient, SUM(messages) AS messages FROM permits
WHERE account_id = $1 AND app_id = $2 AND messages > 0 AND (template_id, recipient) > ($3, $4)
GROUP BY template_id, recipient ORDER BY template_id, recipient LIMIT $5;

-- name: drop-spent-permits
-- $1 account; $2 granted before, UTC; $3 at most.
DELETE FROM permits WHERE account_id = $1 AND (app_id, template_id, recipient, granted_at, source) IN (
    SELECT p.app_id, p.template_id, p.recipient, p.granted_at, p.source FROM permits p
    WHERE p.account_id = $1 AND p.messages = 0 AND p.granted_at < $2 LIMIT $3);

-- name: drop-lapsed-permits
-- $1 account; $2 granted before, UTC; $3 at most.
DELETE FROM permits WHERE account_id = $1 AND (app_id, template_id, recipient, granted_at, source) IN (
    SELECT p.app_id, p.template_id, p.recipient, p.granted_at, p.source FROM permits p
    WHERE p.account_id = $1 AND p.granted_at < $2 LIMIT $3);

-- name: set-permit-kind
-- What consents to a template allow is the template's to say, and WeChat tells it.
-- $1 account; $2 app; $3 template; $4 kind.
UPDATE permits SET kind = $4 WHERE account_id = $1 AND app_id = $2 AND template_id = $3 AND kind <> $4;
