-- name: any-early
-- $1 broadcast.
SELECT EXISTS (SELECT 1 FROM early_receipts WHERE account_id = (SELECT account_id FROM broadcasts WHERE id = $1));

-- name: drop-early
-- $1 account; $2 before, UTC.
DELETE FROM early_receipts WHERE account_id = $1 AND at < $2;

-- name: settle-open
-- The one delivery to a person that was in doubt when the receipt was made.
-- $1 account; $2 openid; $3 msgid; $4 receipt; $5 broadcasts that ended since; $6, $7 its doubt began between, UTC.
UPDATE deliveries SET state = 'sent', errcode = 0, errmsg = '', msgid = $3, receipt = $4, open_since = NULL
WHERE openid = $2 AND state = 'unknown' AND msgid IS NULL AND open_since BETWEEN $6 AND $7
  AND broadcast_id IN (SELECT id FROM broadcasts WHERE account_id = $1 AND (finished_at IS NULL OR finished_at >= $5))
  AND 1 = (SELECT COUNT(*) FROM deliveries x WHERE x.openid = $2 AND x.state = 'unknown' AND x.msgid IS NULL AND x.open_since BETWEEN $6 AND $7
      AND x.broadcast_id IN (SELECT id FROM broadcasts WHERE account_id = $1 AND (finished_at IS NULL OR finished_at >= $5)));
