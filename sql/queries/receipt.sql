-- name: any-early
-- Whether there are any, and whether a broadcast is over.
-- $1 account; $2 app; $3 broadcast.
SELECT EXISTS (SELECT 1 FROM early_receipts WHERE account_id = $1 AND app_id = $2) AS any_early,
    EXISTS (SELECT 1 FROM broadcasts WHERE account_id = $1 AND id = $3 AND finished_at IS NOT NULL) AS over;

-- name: settle-doubt
-- A receipt whose msgid names no message of ours: it is of the one message to that person, by
-- whichever of two ids, that it can be about, and of none where there are two. One whose msgid is known has its
-- own; one that a worker has under its lease may have left without a row that says so.
-- $1 account; $2 recipient; $3 msgid or 0; $4 receipt; $5 the first broadcast to look at; $6, $7 the message left
-- between, UTC; $8 channel; $9 the recipient by another id, or again by that one.
UPDATE deliveries SET state = 'sent', errcode = 0, errmsg = '', msgid = COALESCE(msgid, NULLIF(CAST($3 AS BIGINT), 0)),
    receipt = $4, open_since = NULL
WHERE account_id = $1 AND recipient || '' IN ($2, $9) AND broadcast_id >= $5 AND receipt IS NULL AND channel = $8
  AND (state = 'unknown' OR state = 'sent' AND CAST($3 AS BIGINT) = 0) AND (msgid IS NULL OR CAST($3 AS BIGINT) = 0)
  AND COALESCE(open_since, attempted_at) BETWEEN $6 AND $7
  AND 1 = (SELECT COUNT(*) FROM deliveries x
      WHERE x.account_id = $1 AND x.recipient || '' IN ($2, $9) AND x.broadcast_id >= $5 AND x.receipt IS NULL
        AND x.channel = $8
        AND (x.msgid IS NULL OR CAST($3 AS BIGINT) = 0)
        AND (COALESCE(x.open_since, x.attempted_at) BETWEEN $6 AND $7
             OR x.state = 'pending' AND EXISTS (SELECT 1 FROM leases l
                WHERE l.account_id = x.account_id AND l.broadcast_id = x.broadcast_id
                  AND l.from_recipient < x.recipient AND x.recipient <= l.to_recipient)))
RETURNING broadcast_id, recipient, message_id AS message, COALESCE(msgid, 0) AS msgid;

-- name: receipt-hints
-- Receipts to a person of which nobody can tell what message they are about.
-- $1 account; $2 openid.
SELECT openid, msgid, receipt, blocked, at FROM early_receipts WHERE account_id = $1 AND openid = $2 ORDER BY at;

-- name: messages-heard
-- How many messages of the account left since a time, and how many have a receipt.
-- $1 account; $2 since, UTC; $3 the first broadcast to look at.
SELECT COUNT(*) AS sent, COUNT(receipt) AS heard FROM deliveries
WHERE account_id = $1 AND broadcast_id >= $3 AND state = 'sent' AND attempted_at >= $2;

-- name: recent-from
-- The first broadcast that was at work since a time: of what is older, nothing is told any more.
-- $1 account; $2 since, UTC.
SELECT COALESCE(MIN(id), 0) FROM (
    SELECT MIN(id) AS id FROM broadcasts WHERE account_id = $1 AND finished_at IS NULL
    UNION ALL
    SELECT MIN(id) FROM broadcasts WHERE account_id = $1 AND finished_at >= $2) b;
