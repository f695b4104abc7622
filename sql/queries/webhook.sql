-- name: get-webhook
-- $1 account; $2 name.
SELECT seq, up_to, taken_at, failing_since, tries, retry_at, why, set_aside_at FROM webhooks
WHERE account_id = $1 AND name = $2;

-- name: add-webhook
-- $1 account; $2 name; $3 after this event.
INSERT INTO webhooks (account_id, name, seq) VALUES ($1, $2, $3) ON CONFLICT (account_id, name) DO NOTHING;

-- name: move-webhook
-- $1 account; $2 name; $3 seq and $4 tries before; $5 seq; $6 taken_at; $7 failing_since; $8 tries; $9 retry_at;
-- $10 why; $11 set_aside_at, times in UTC or NULL; $12 up_to.
UPDATE webhooks SET seq = $5, up_to = $12, taken_at = $6, failing_since = $7, tries = $8, retry_at = $9, why = $10,
    set_aside_at = $11
WHERE account_id = $1 AND name = $2 AND seq = $3 AND tries = $4 AND set_aside_at IS NULL;

-- name: resume-webhook
-- $1 account; $2 name; $3 after this event.
UPDATE webhooks SET seq = $3, up_to = 0, failing_since = NULL, tries = 0, retry_at = NULL, why = '', set_aside_at = NULL
WHERE account_id = $1 AND name = $2;
