-- name: add-broadcast
-- One that another process has just added is left alone.
-- $1 account; $2 mini program; $3 name; $4 content_hash; $5 spec; $6 message_key; $7 state; $8 now, UTC; $9 audience;
-- $10 rate; $11 priority; $12 canary; $13 canary_share; $14 resume_at or NULL, UTC.
INSERT INTO broadcasts (account_id, mini_id, name, content_hash, spec, message_key, state, created_at, audience, rate, priority, canary, canary_share, resume_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
ON CONFLICT (account_id, name, content_hash) DO NOTHING RETURNING id;

-- name: get-broadcast
-- $1 broadcast.
SELECT id, account_id, mini_id, name, content_hash, spec, audience, message_key, state, reason, resume_at, rate, priority, canary, canary_until, fixed, created_at, started_at, finished_at
FROM broadcasts WHERE id = $1;

-- name: find-broadcasts-by-name
-- The account's broadcasts of one name, the latest first.
-- $1 account; $2 name.
SELECT id, account_id, mini_id, name, content_hash, spec, audience, message_key, state, reason, resume_at, rate, priority, canary, canary_until, fixed, created_at, started_at, finished_at
FROM broadcasts WHERE account_id = $1 AND name = $2 ORDER BY id DESC;

-- name: list-broadcasts
-- The account's broadcasts that were at work between two instants, the latest first.
-- $1 account; $2 from; $3 to, UTC.
SELECT id, account_id, mini_id, name, content_hash, spec, audience, message_key, state, reason, resume_at, rate, priority, canary, canary_until, fixed, created_at, started_at, finished_at
FROM broadcasts WHERE account_id = $1 AND created_at < $3 AND (finished_at IS NULL OR finished_at >= $2) ORDER BY id DESC;

-- name: broadcasts-due
-- The account's broadcasts that run, or wait for a time that has come.
-- $1 account; $2 now, UTC.
SELECT id, account_id, mini_id, name, content_hash, spec, audience, message_key, state, reason, resume_at, rate, priority, canary, canary_until, fixed, created_at, started_at, finished_at
FROM broadcasts WHERE account_id = $1 AND (state = 'running' OR state IN ('waiting', 'scheduled') AND resume_at <= $2) ORDER BY id;

-- name: move-broadcast
-- Change the state, if it is still what the mover thinks it is.
-- $1 broadcast; $2 state before; $3 state after; $4 reason; $5 resume_at or NULL; $6 finished_at or NULL, UTC.
UPDATE broadcasts SET state = $3, reason = $4, resume_at = $5, finished_at = $6 WHERE id = $1 AND state = $2;

-- name: set-rate
-- $1 broadcast; $2 messages per second; $3 priority.
UPDATE broadcasts SET rate = $2, priority = $3 WHERE id = $1;

-- name: move-canary
-- $1 broadcast; $2 canary before; $3 canary after; $4 canary_until or NULL, UTC.
UPDATE broadcasts SET canary = $3, canary_until = $4 WHERE id = $1 AND canary = $2;

-- name: get-broadcast-for-claim
-- $1 broadcast.
SELECT account_id, mini_id, state, rate, priority, canary, canary_until, fixed, leased_to FROM broadcasts WHERE id = $1;

-- name: goes-first
-- The broadcast of the account that is at work and has a higher priority, or the
-- same and is older.
-- $1 account; $2 broadcast; $3 priority; $4 at work since, UTC.
SELECT id FROM broadcasts
WHERE account_id = $1 AND id <> $2 AND state = 'running' AND worked_at > $4 AND (priority > $3 OR priority = $3 AND id < $2)
ORDER BY priority DESC, id LIMIT 1;

-- name: any-older
-- Whether an older broadcast of the account may still be trying again.
-- $1 account; $2 broadcast; $3 priority; $4 at work since, UTC.
SELECT EXISTS (SELECT 1 FROM broadcasts WHERE account_id = $1 AND state = 'running' AND id < $2 AND priority >= $3 AND worked_at > $4);

-- name: advance-broadcast
-- $1 broadcast; $2 leased_to; $3 now, UTC.
UPDATE broadcasts SET leased_to = $2, worked_at = $3, started_at = COALESCE(started_at, $3) WHERE id = $1;

-- name: get-fixing
-- $1 broadcast.
SELECT account_id, mini_id, fixed, fixed_to, fixed_count, audience, canary_share, message_key FROM broadcasts WHERE id = $1;

-- name: advance-fixing
-- $1 broadcast; $2 fixed_to; $3 fixed; $4 how many more.
UPDATE broadcasts SET fixed_to = $2, fixed = $3, fixed_count = fixed_count + $4 WHERE id = $1;
