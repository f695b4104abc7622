-- name: settle-early
-- The receipts that came before these messages were recorded as sent.
-- $1 account; $2 broadcast; $3 app; $4 JSON array of {recipient, message, openid, msgid}.
UPDATE deliveries d SET receipt = e.receipt
FROM (SELECT $1::bigint AS account_id, $2::bigint AS broadcast_id, $3::bigint AS app_id, r.*
      FROM json_to_recordset($4::json) AS r (recipient text, message bigint, openid text, msgid bigint)
      OFFSET 0) o
JOIN early_receipts e ON e.account_id = o.account_id AND e.app_id = o.app_id AND e.msgid = o.msgid
    AND e.openid = o.openid
WHERE d.account_id = o.account_id AND d.broadcast_id = o.broadcast_id AND d.recipient = o.recipient
    AND d.message_id = o.message
    AND d.msgid = o.msgid
RETURNING d.broadcast_id, d.recipient, d.message_id AS message, d.channel, d.msgid, d.receipt;

-- name: settle-receipts
-- Give deliveries the receipts that name them. A person's latest come first: a receipt
-- follows its message in seconds.
-- $1 account; $2 the first broadcast to look at; $3 JSON array of {n, recipient, msgid, receipt}; $4 channel.
UPDATE deliveries d SET receipt = o.receipt
FROM (SELECT $1::bigint AS account_id, m.broadcast_id, m.message_id, r.*
      FROM json_to_recordset($3::json) AS r (recipient text, msgid bigint, receipt text)
      CROSS JOIN LATERAL (
          SELECT x.broadcast_id, x.message_id FROM deliveries x
          WHERE x.account_id = $1 AND x.recipient || '' = r.recipient AND x.broadcast_id >= $2 AND x.msgid = r.msgid
              AND x.channel = $4
          ORDER BY x.broadcast_id DESC LIMIT 1) m OFFSET 0) o
WHERE d.account_id = o.account_id AND d.broadcast_id = o.broadcast_id AND d.recipient = o.recipient
    AND d.message_id = o.message_id
RETURNING d.broadcast_id, d.recipient, d.message_id AS message, d.msgid, d.receipt;

-- name: doubtful-receipts
-- Those to people with a delivery in doubt.
-- $1 account; $2 the first broadcast to look at; $3 JSON array of {n, recipient, msgid, receipt}; $4 channel.
SELECT r.n FROM json_to_recordset($3::json) AS r (n int, recipient text)
CROSS JOIN LATERAL (
    SELECT 1 FROM deliveries d
    WHERE d.account_id = $1 AND d.recipient || '' = r.recipient AND d.broadcast_id >= $2 AND d.state = 'unknown'
        AND d.channel = $4
    ORDER BY d.broadcast_id DESC LIMIT 1) d;

-- name: add-early
-- Keep receipts for messages that are not recorded yet.
-- $1 account; $2 app; $3 JSON array of {openid, msgid, receipt, blocked, at}.
INSERT INTO early_receipts (account_id, app_id, msgid, openid, receipt, blocked, at)
SELECT $1::bigint, $2::bigint, msgid, openid, receipt, blocked, at
FROM json_to_recordset($3::json) AS r (msgid bigint, openid text, receipt text, blocked boolean, at timestamptz)
ON CONFLICT DO NOTHING;

-- name: early-of
-- The receipts that came early for some people.
-- $1 account; $2 app; $3 openids as a JSON array.
SELECT openid, msgid, receipt, blocked, at FROM early_receipts
WHERE account_id = $1 AND app_id = $2 AND openid IN (SELECT value FROM json_array_elements_text($3::json));

-- name: drop-used-early
-- $1 account; $2 app; $3 JSON array of {openid, msgid, at}.
DELETE FROM early_receipts WHERE account_id = $1 AND app_id = $2 AND (msgid, openid, at) IN (
    SELECT msgid, openid, at FROM json_to_recordset($3::json) AS r (msgid bigint, openid text, at timestamptz));
