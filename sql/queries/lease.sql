-- name: add-lease
-- $1 account; $2 broadcast; $3 worker; $4 from_recipient (excluded); $5 to_recipient; $6 now; $7 leased_until, UTC.
INSERT INTO leases (account_id, broadcast_id, worker, from_recipient, to_recipient, claimed_at, leased_until)
VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id;

-- name: count-leases
-- $1 account; $2 broadcast.
SELECT COUNT(*) FROM leases WHERE account_id = $1 AND broadcast_id = $2;

-- name: any-lease-alive
-- Whether there is a lease whose worker is not gone: not yet, or the asking process's own.
-- $1 account; $2 broadcast; $3 now, UTC; $4 lease ids of the asking process as a JSON array; %s the held ones.
SELECT EXISTS (SELECT 1 FROM leases l WHERE l.account_id = $1 AND l.broadcast_id = $2 AND (l.leased_until >= $3
    OR l.id IN (SELECT CAST(k.value AS BIGINT) FROM (%s) k)));

-- name: reopen-lease
-- The outcomes that a dead worker did not record are lost: WeChat may have the
-- message since the lease was claimed. They are due now, with the same client_msg_id. By a
-- channel that notes each message before it leaves, only those are in doubt that it noted.
-- $1 account; $2 broadcast; $3 from_recipient; $4 to_recipient; $5 claimed_at or NULL; $6 now, UTC.
UPDATE deliveries SET open_since = COALESCE(open_since, $5), next_attempt_at = $6
WHERE account_id = $1 AND broadcast_id = $2 AND recipient > $3 AND recipient <= $4 AND state = 'pending'
    AND next_attempt_at IS NULL;

-- name: hears-receipts
-- Whether WeChat has told of messages whose outcome is not recorded, or of something that
-- is not applied yet.
-- $1 account.
SELECT EXISTS (SELECT 1 FROM early_receipts WHERE account_id = $1) OR EXISTS (SELECT 1 FROM callbacks
    WHERE account_id = $1 AND applied_at IS NULL);

-- name: doubts
-- How many deliveries are in doubt, and since when at most.
-- $1 account; $2 broadcast; $3 channel.
SELECT COUNT(*) AS n, MIN(open_since) AS oldest FROM deliveries
WHERE account_id = $1 AND broadcast_id = $2 AND channel = $3 AND next_attempt_at IS NOT NULL
  AND open_since IS NOT NULL;

-- name: defer-likely
-- Of the deliveries in doubt that are due, those to people whose receipt of some message
-- has come since go later.
-- $1 account; $2 broadcast; $3 now; $4 later; $5 receipts since, UTC; $6 channel.
UPDATE deliveries SET next_attempt_at = $4
WHERE account_id = $1 AND broadcast_id = $2 AND channel = $6 AND next_attempt_at <= $3 AND open_since IS NOT NULL
  AND recipient IN (SELECT openid FROM early_receipts WHERE account_id = $1 AND at >= $5);

-- name: unheard-doubts
-- Deliveries in doubt to people of whom no receipt has come since.
-- $1 account; $2 broadcast; $3 receipts since, UTC; $4 channel.
SELECT COUNT(*) FROM deliveries
WHERE account_id = $1 AND broadcast_id = $2 AND channel = $4 AND next_attempt_at IS NOT NULL
  AND open_since IS NOT NULL
  AND recipient NOT IN (SELECT openid FROM early_receipts WHERE account_id = $1 AND at >= $3);

-- name: defer-young
-- Of the deliveries in doubt that are due, those whose receipt may be on its way go later.
-- $1 account; $2 broadcast; $3 now; $4 later; $5 in doubt since, UTC; $6 channel.
UPDATE deliveries SET next_attempt_at = $4
WHERE account_id = $1 AND broadcast_id = $2 AND channel = $6 AND next_attempt_at <= $3 AND open_since > $5;

-- name: hold-lease
-- Hold a lease until the transaction ends; no row where it was dissolved.
-- $1 account; $2 lease.
UPDATE leases SET leased_until = leased_until WHERE account_id = $1 AND id = $2;

-- name: delete-lease
-- $1 account; $2 lease.
DELETE FROM leases WHERE account_id = $1 AND id = $2;

-- name: shorten-leases
-- After the store's clock went back, leases would live for as long as it did: each gets one
-- length more, in which its worker renews it if it lives.
-- $1 account; $2 leased_until, UTC; $3 what is later than can be, UTC.
UPDATE leases SET leased_until = $2 WHERE account_id = $1 AND leased_until > $3;

-- name: hasten-deliveries
-- Likewise what was to be tried again in a time that is far ahead now; a single message not
-- before its own time.
-- $1 account; $2 next_attempt_at, UTC; $3 what is later than can be, UTC.
UPDATE deliveries SET next_attempt_at = COALESCE((SELECT CASE WHEN m.send_at > $2 THEN m.send_at ELSE $2 END
    FROM messages m WHERE m.account_id = $1 AND m.id = deliveries.message_id), $2)
WHERE account_id = $1 AND broadcast_id IN (SELECT id FROM broadcasts WHERE account_id = $1 AND finished_at IS NULL)
  AND next_attempt_at > $3;

-- name: close-windows
-- And nobody knows how long ago an attempt was whose outcome is in doubt: it is not repeated.
-- $1 account; $2 longer ago than any window, UTC.
UPDATE deliveries SET open_since = $2
WHERE account_id = $1 AND broadcast_id IN (SELECT id FROM broadcasts WHERE account_id = $1 AND finished_at IS NULL)
  AND next_attempt_at IS NOT NULL AND open_since > $2;

-- name: close-leases
-- $1 account; $2 longer ago than any window, UTC.
UPDATE leases SET claimed_at = $2 WHERE account_id = $1 AND claimed_at > $2;
