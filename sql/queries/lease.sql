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

-- name: defer-likely
-- Of those that are due again, the ones to people whose receipt of some message came
-- meanwhile go after the others, who need what may be left of the day's quota.
-- $1 broadcast; $2 from_openid; $3 to_openid; $4 claimed_at; $5 due now; $6 after that, UTC; $7 account.
UPDATE deliveries SET next_attempt_at = $6
WHERE broadcast_id = $1 AND openid > $2 AND openid <= $3 AND state = 'pending' AND next_attempt_at = $5
  AND openid IN (SELECT openid FROM early_receipts WHERE account_id = $7 AND at >= $4);

-- name: hold-lease
-- Hold a lease until the transaction ends; no row where it was dissolved.
-- $1 lease.
UPDATE leases SET leased_until = leased_until WHERE id = $1;

-- name: delete-lease
-- $1 lease.
DELETE FROM leases WHERE id = $1;
