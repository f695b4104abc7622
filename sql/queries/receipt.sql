-- name: any-early
-- $1 account; $2 app.
SELECT EXISTS (SELECT 1 FROM early_receipts WHERE account_id = $1 AND app_id = $2);

-- name: drop-early
-- $1 account; $2 before, UTC.
DELETE FROM early_receipts WHERE account_id = $1 AND at < $2;

-- name: settle-open
-- The one delivery to a person that was in doubt when the receipt was made.
-- $1 account; $2 openid; $3 msgid; $4 receipt; $5 broadcasts that ended since; $6, $7 its doubt began between, UTC.
UPDATE deliveries SET state = 'sent', errcode = 0, errmsg = '', msgid = NULLIF(CAST($3 AS BIGINT), 0), receipt = $4,
    open_since = NULL
WHERE account_id = $1 AND recipient = $2 AND state = 'unknown' AND msgid IS NULL AND open_since BETWEEN $6 AND $7
  AND broadcast_id IN (SELECT id FROM broadcasts WHERE account_id = $1 AND (finished_at IS NULL OR finished_at >= $5))
  AND 1 = (SELECT COUNT(*) FROM deliveries x
      WHERE x.account_id = $1 AND x.recipient = $2 AND x.state = 'unknown' AND x.msgid IS NULL
          AND x.open_since BETWEEN $6 AND $7
        AND x.broadcast_id IN (SELECT id FROM broadcasts
            WHERE account_id = $1 AND (finished_at IS NULL OR finished_at >= $5)));

-- name: settle-nameless
-- A receipt without a msgid: it is of the one message to that person that it can be about,
-- whatever became of that, and of none where there are two. One that a worker has under
-- its lease may have left without a row that says so: it counts.
-- $1 account; $2 openid; $3 receipt; $4 broadcasts that ended since; $5, $6 the message left between, UTC.
UPDATE deliveries SET state = 'sent', errcode = 0, errmsg = '', receipt = $3, open_since = NULL
WHERE account_id = $1 AND recipient = $2 AND receipt IS NULL AND state IN ('sent', 'unknown')
  AND COALESCE(open_since, attempted_at) BETWEEN $5 AND $6
  AND broadcast_id IN (SELECT id FROM broadcasts WHERE account_id = $1 AND (finished_at IS NULL OR finished_at >= $4))
  AND 1 = (SELECT COUNT(*) FROM deliveries x
      WHERE x.account_id = $1 AND x.recipient = $2 AND x.receipt IS NULL
        AND x.broadcast_id IN (SELECT id FROM broadcasts
            WHERE account_id = $1 AND (finished_at IS NULL OR finished_at >= $4))
        AND (COALESCE(x.open_since, x.attempted_at) BETWEEN $5 AND $6
             OR x.state = 'pending' AND EXISTS (SELECT 1 FROM leases l
                WHERE l.account_id = x.account_id AND l.broadcast_id = x.broadcast_id
                  AND l.from_recipient < x.recipient AND x.recipient <= l.to_recipient)));

-- name: receipt-hints
-- Receipts to a person of which nobody can tell what message they are about.
-- $1 account; $2 openid.
SELECT openid, msgid, receipt, blocked, at FROM early_receipts WHERE account_id = $1 AND openid = $2 ORDER BY at;

-- name: messages-heard
-- How many messages of the account left since a time, and how many have a receipt.
-- $1 account; $2 since, UTC.
SELECT COUNT(*) AS sent, COUNT(receipt) AS heard FROM deliveries
WHERE account_id = $1 AND state = 'sent' AND attempted_at >= $2
  AND broadcast_id IN (SELECT id FROM broadcasts WHERE account_id = $1 AND (finished_at IS NULL OR finished_at >= $2));
