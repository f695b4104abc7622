-- name: add-lease
-- $1 broadcast; $2 worker; $3 from_openid (excluded); $4 to_openid; $5 now; $6 leased_until, UTC.
INSERT INTO leases (broadcast_id, worker, from_openid, to_openid, claimed_at, leased_until) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id;

-- name: renew-leases
-- $1 worker; $2 leased_until, UTC.
UPDATE leases SET leased_until = $2 WHERE worker = $1 RETURNING id;

-- name: count-leases
-- $1 broadcast.
SELECT COUNT(*) FROM leases WHERE broadcast_id = $1;

-- name: lapsed-leases
-- Leases whose worker is gone.
-- $1 broadcast; $2 now, UTC.
SELECT id, from_openid, to_openid, claimed_at FROM leases WHERE broadcast_id = $1 AND leased_until < $2;

-- name: reopen-lease
-- The outcomes that a dead worker did not record are lost: WeChat may have the
-- message since the lease was claimed. They are due now, with the same client_msg_id.
-- $1 broadcast; $2 from_openid; $3 to_openid; $4 claimed_at; $5 now, UTC.
UPDATE deliveries SET open_since = COALESCE(open_since, $4), next_attempt_at = $5
WHERE broadcast_id = $1 AND openid > $2 AND openid <= $3 AND state = 'pending' AND next_attempt_at IS NULL;

-- name: hears-receipts
-- Whether WeChat has told of messages whose outcome is not recorded, or of something that
-- is not applied yet.
-- $1 account.
SELECT EXISTS (SELECT 1 FROM early_receipts WHERE account_id = $1) OR EXISTS (SELECT 1 FROM events WHERE account_id = $1 AND applied_at IS NULL);

-- name: doubts
-- How many deliveries are in doubt, and since when at most.
-- $1 broadcast.
SELECT COUNT(*) AS n, MIN(open_since) AS oldest FROM deliveries WHERE broadcast_id = $1 AND next_attempt_at IS NOT NULL AND open_since IS NOT NULL;

-- name: defer-likely
-- Of the deliveries in doubt that are due, those to people whose receipt of some message
-- has come since go later.
-- $1 broadcast; $2 now; $3 later; $4 receipts since, UTC; $5 account.
UPDATE deliveries SET next_attempt_at = $3
WHERE broadcast_id = $1 AND next_attempt_at <= $2 AND open_since IS NOT NULL AND openid IN (SELECT openid FROM early_receipts WHERE account_id = $5 AND at >= $4);

-- name: unheard-doubts
-- Deliveries in doubt to people of whom no receipt has come since.
-- $1 broadcast; $2 receipts since, UTC; $3 account.
SELECT COUNT(*) FROM deliveries
WHERE broadcast_id = $1 AND next_attempt_at IS NOT NULL AND open_since IS NOT NULL AND openid NOT IN (SELECT openid FROM early_receipts WHERE account_id = $3 AND at >= $2);

-- name: defer-young
-- Of the deliveries in doubt that are due, those whose receipt may be on its way go later.
-- $1 broadcast; $2 now; $3 later; $4 in doubt since, UTC.
UPDATE deliveries SET next_attempt_at = $3
WHERE broadcast_id = $1 AND next_attempt_at <= $2 AND open_since > $4;

-- name: hold-lease
-- Hold a lease until the transaction ends; no row where it was dissolved.
-- $1 lease.
UPDATE leases SET leased_until = leased_until WHERE id = $1;

-- name: delete-lease
-- $1 lease.
DELETE FROM leases WHERE id = $1;
