-- name: add-lease
-- $1 account; $2 broadcast; $3 worker; $4 from_recipient (excluded); $5 to_recipient; $6 now; $7 leased_until, UTC.
INSERT INTO leases (account_id, broadcast_id, worker, from_recipient, to_recipient, claimed_at, leased_until)
VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id;

-- name: count-leases
-- $1 account; $2 broadcast.
SELECT COUNT(*) FROM leases WHERE account_id = $1 AND broadcast_id = $2;

-- name: reopen-lease
-- The outcomes that a dead worker did not record are lost: WeChat may have the
-- message since the lease was claimed. They are due now, with the same client_msg_id.
-- $1 account; $2 broadcast; $3 from_recipient; $4 to_recipient; $5 claimed_at; $6 now, UTC.
UPDATE deliveries SET open_since = COALESCE(open_since, $5), next_attempt_at = $6
WHERE account_id = $1 AND broadcast_id = $2 AND recipient > $3 AND recipient <= $4 AND state = 'pending'
    AND next_attempt_at IS NULL;

-- name: hears-receipts
-- Whether WeChat has told of messages whose outcome is not recorded, or of something that
-- is not applied yet.
-- $1 account.
SELECT EXISTS (SELECT 1 FROM early_receipts WHERE account_id = $1) OR EXISTS (SELECT 1 FROM events
    WHERE account_id = $1 AND applied_at IS NULL);

-- name: doubts
-- How many deliveries are in doubt, and since when at most.
-- $1 account; $2 broadcast.
SELECT COUNT(*) AS n, MIN(open_since) AS oldest FROM deliveries
WHERE account_id = $1 AND broadcast_id = $2 AND next_attempt_at IS NOT NULL AND open_since IS NOT NULL;

-- name: defer-likely
-- Of the deliveries in doubt that are due, those to people whose receipt of some message
-- has come since go later.
-- $1 account; $2 broadcast; $3 now; $4 later; $5 receipts since, UTC.
UPDATE deliveries SET next_attempt_at = $4
WHERE account_id = $1 AND broadcast_id = $2 AND next_attempt_at <= $3 AND open_since IS NOT NULL
  AND recipient IN (SELECT openid FROM early_receipts WHERE account_id = $1 AND at >= $5);

-- name: unheard-doubts
-- Deliveries in doubt to people of whom no receipt has come since.
-- $1 account; $2 broadcast; $3 receipts since, UTC.
SELECT COUNT(*) FROM deliveries
WHERE account_id = $1 AND broadcast_id = $2 AND next_attempt_at IS NOT NULL AND open_since IS NOT NULL
  AND recipient NOT IN (SELECT openid FROM early_receipts WHERE account_id = $1 AND at >= $3);

-- name: defer-young
-- Of the deliveries in doubt that are due, those whose receipt may be on its way go later.
-- $1 account; $2 broadcast; $3 now; $4 later; $5 in doubt since, UTC.
UPDATE deliveries SET next_attempt_at = $4
WHERE account_id = $1 AND broadcast_id = $2 AND next_attempt_at <= $3 AND open_since > $5;

-- name: hold-lease
-- Hold a lease until the transaction ends; no row where it was dissolved.
-- $1 account; $2 lease.
UPDATE leases SET leased_until = leased_until WHERE account_id = $1 AND id = $2;

-- name: delete-lease
-- $1 account; $2 lease.
DELETE FROM leases WHERE account_id = $1 AND id = $2;
