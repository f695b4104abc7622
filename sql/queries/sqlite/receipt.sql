-- name: settle-early
-- The receipts that came before these messages were recorded as sent.
-- $1 account; $2 broadcast; $3 app; $4 JSON array of {recipient, message, openid, msgid}.
UPDATE deliveries SET receipt = e.receipt
FROM json_each($4) o CROSS JOIN early_receipts e
WHERE deliveries.account_id = $1 AND broadcast_id = $2 AND recipient = o.value ->> 'recipient'
    AND message_id = o.value ->> 'message' AND deliveries.msgid = o.value ->> 'msgid'
  AND e.account_id = $1 AND e.app_id = $3 AND e.msgid = o.value ->> 'msgid' AND e.openid = o.value ->> 'openid'
RETURNING broadcast_id, recipient, message_id AS message, channel, msgid, receipt;

-- name: settle-receipts
-- Give deliveries the receipts that name them. A person's latest come first: a receipt
-- follows its message in seconds.
-- $1 account; $2 the first broadcast to look at; $3 JSON array of {n, recipient, msgid, receipt}; $4 channel.
UPDATE deliveries SET receipt = o.value ->> 'receipt'
FROM json_each($3) o
WHERE deliveries.account_id = $1 AND deliveries.recipient = o.value ->> 'recipient'
  AND (deliveries.broadcast_id, deliveries.message_id) = (
      SELECT x.broadcast_id, x.message_id FROM deliveries x
      WHERE x.account_id = $1 AND x.recipient || '' = o.value ->> 'recipient' AND x.broadcast_id >= $2
          AND x.msgid = o.value ->> 'msgid' AND x.channel = $4
      ORDER BY x.broadcast_id DESC LIMIT 1)
RETURNING broadcast_id, recipient, message_id AS message, msgid, receipt;

-- name: doubtful-receipts
-- Those to people with a delivery in doubt.
-- $1 account; $2 the first broadcast to look at; $3 JSON array of {n, recipient, msgid, receipt}; $4 channel.
SELECT o.value ->> 'n' FROM json_each($3) o
WHERE EXISTS (
    SELECT 1 FROM deliveries d
    WHERE d.account_id = $1 AND d.recipient || '' = o.value ->> 'recipient' AND d.broadcast_id >= $2
        AND d.state = 'unknown' AND d.channel = $4);

-- name: add-early
-- Keep receipts for messages that are not recorded yet.
-- $1 account; $2 app; $3 JSON array of {openid, msgid, receipt, blocked, at}.
INSERT INTO early_receipts (account_id, app_id, msgid, openid, receipt, blocked, at)
SELECT $1, $2, value ->> 'msgid', value ->> 'openid', value ->> 'receipt',
    value ->> 'blocked', value ->> 'at' FROM json_each($3) WHERE TRUE
ON CONFLICT DO NOTHING;

-- name: early-of
-- The receipts that came early for some people.
-- $1 account; $2 app; $3 openids as a JSON array.
SELECT openid, msgid, receipt, blocked, at FROM early_receipts
WHERE account_id = $1 AND app_id = $2 AND openid IN (SELECT value FROM json_each($3));

-- name: drop-used-early
-- $1 account; $2 app; $3 JSON array of {openid, msgid, at}.
DELETE FROM early_receipts WHERE account_id = $1 AND app_id = $2
  AND (msgid, openid, at) IN (SELECT value ->> 'msgid', value ->> 'openid', value ->> 'at' FROM json_each($3));
