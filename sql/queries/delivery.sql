-- name: fix-recipients
-- One delivery each for the next recipients, in openid order. Those of the canary
-- are due at once.
-- $1 account; $2 mini program; $3 broadcast; $4 after this recipient; $5 at most; $6 the canary's share of 2^32;
-- $7 channel; %[1]s the variables; %[2]s joins; %[3]s conditions; %[4]s a hash of the recipient.
INSERT INTO deliveries (account_id, broadcast_id, recipient, channel, vars, next_attempt_at)
SELECT $1, $3, f.openid, $7, %[1]s,
    CASE WHEN %[4]s < $6 THEN (SELECT created_at FROM broadcasts WHERE account_id = $1 AND id = $3) END
FROM followers f LEFT JOIN bridges b ON b.account_id = f.account_id AND b.mini_id = $2 AND b.openid = f.openid %[2]s
WHERE f.account_id = $1 AND f.openid > $4 AND %[3]s
ORDER BY f.openid LIMIT $5;

-- name: fix-people
-- The same for an audience of mini users, too: those who follow nothing stand by their
-- mini_openid. Each side comes in the order of its ids, and both together; the second no
-- further than the first, or each round would look through all who follow. Who was bridged since the
-- round before, or is bridged no more, may have a row by their other id, and gets no second one.
-- $1 account; $2 mini program; $3 broadcast; $4 after this recipient; $5 at most; $6 the canary's share of 2^32;
-- $7 channel; %[1]s and %[5]s the variables; %[2]s and %[6]s joins; %[3]s and %[7]s conditions, of followers and of
-- mini users; %[4]s a hash of the recipient.
WITH x AS MATERIALIZED (
    SELECT f.openid AS recipient, b.mini_openid, %[1]s AS vars
    FROM followers f LEFT JOIN bridges b ON b.account_id = f.account_id AND b.mini_id = $2 AND b.openid = f.openid %[2]s
    WHERE f.account_id = $1 AND f.openid > $4 AND %[3]s
      AND (SELECT 1 FROM deliveries d
          WHERE d.account_id = $1 AND d.broadcast_id = $3 AND d.recipient = b.mini_openid LIMIT 1) IS NULL
    ORDER BY f.openid LIMIT $5
), y AS MATERIALIZED (
    SELECT f.openid AS recipient, f.openid AS mini_openid, %[5]s AS vars
    FROM (SELECT m.mini_openid AS openid, m.unionid, FALSE AS subscribed, '' AS subscribe_scene, '' AS remark,
              '[]' AS tags, CAST(NULL AS TIMESTAMPTZ) AS subscribe_time
          FROM mini_users m WHERE m.mini_id = $2 AND m.mini_openid > $4
            AND m.mini_openid <= COALESCE((SELECT CASE WHEN COUNT(*) = $5 THEN MAX(recipient) END FROM x), '~')
            AND (
            SELECT 1 FROM followers g WHERE g.account_id = $1 AND g.unionid = m.unionid AND (
                SELECT 1 FROM bridges b WHERE b.account_id = g.account_id AND b.mini_id = $2
                    AND b.openid = g.openid AND b.mini_openid = m.mini_openid LIMIT 1) IS NOT NULL LIMIT 1) IS NULL
            AND (SELECT 1 FROM followers g WHERE g.account_id = $1 AND g.unionid = m.unionid AND (
                SELECT 1 FROM deliveries d WHERE d.account_id = g.account_id AND d.broadcast_id = $3
                    AND d.recipient = g.openid AND d.mini_openid = m.mini_openid LIMIT 1) IS NOT NULL LIMIT 1) IS NULL
        ) f %[6]s
    WHERE %[7]s ORDER BY f.openid LIMIT $5
)
INSERT INTO deliveries (account_id, broadcast_id, recipient, mini_openid, channel, vars, next_attempt_at)
SELECT $1, $3, r.recipient, r.mini_openid, $7, r.vars,
    CASE WHEN %[4]s < $6 THEN (SELECT created_at FROM broadcasts WHERE account_id = $1 AND id = $3) END
FROM (SELECT * FROM x UNION ALL SELECT * FROM y) r
ORDER BY r.recipient LIMIT $5;

-- name: last-fixed
-- The last of the recipients just fixed, and their number.
-- $1 account; $2 broadcast; $3 after this recipient.
SELECT COALESCE(MAX(recipient), '') AS recipient, COUNT(*) AS n FROM deliveries
WHERE account_id = $1 AND broadcast_id = $2 AND recipient > $3;

-- name: count-audience
-- How many followers are in an audience (-1), and by which condition the others are out.
-- $1 account; $2 mini program; %[1]s WHEN … THEN of each condition; %[2]s joins.
SELECT CASE%[1]s ELSE -1 END AS reason, COUNT(*) AS n
FROM followers f LEFT JOIN bridges b ON b.account_id = f.account_id AND b.mini_id = $2 AND b.openid = f.openid %[2]s
WHERE f.account_id = $1 GROUP BY 1 ORDER BY 1;

-- name: count-mini-audience
-- The same of the mini users who follow nothing.
-- $1 account; $2 mini program; %[1]s WHEN … THEN of each condition; %[2]s joins.
SELECT CASE%[1]s ELSE -1 END AS reason, COUNT(*) AS n
FROM (SELECT m.mini_openid AS openid, m.unionid, FALSE AS subscribed, '' AS subscribe_scene, '' AS remark,
          '[]' AS tags, CAST(NULL AS TIMESTAMPTZ) AS subscribe_time
      FROM mini_users m WHERE m.mini_id = $2 AND (
            SELECT 1 FROM followers g WHERE g.account_id = $1 AND g.unionid = m.unionid AND (
                SELECT 1 FROM bridges b WHERE b.account_id = g.account_id AND b.mini_id = $2
                    AND b.openid = g.openid AND b.mini_openid = m.mini_openid LIMIT 1) IS NOT NULL LIMIT 1) IS NULL) f %[2]s
GROUP BY 1 ORDER BY 1;

-- name: count-found
-- How many followers of a list there are.
-- $1 account; $2 mini program; %[1]s joins; %[2]s conditions.
SELECT COUNT(*)
FROM followers f LEFT JOIN bridges b ON b.account_id = f.account_id AND b.mini_id = $2 AND b.openid = f.openid %[1]s
WHERE f.account_id = $1 AND %[2]s;

-- name: count-among
-- How many followers and bridges there are in a range of openids; of each no more than most.
-- $1 account; $2 mini program; $3 after this openid; $4 to this one; $5 most.
SELECT (SELECT COUNT(*) FROM (
            SELECT 1 FROM followers WHERE account_id = $1 AND openid > $3 AND openid <= $4 LIMIT $5) f) AS followers,
       (SELECT COUNT(*) FROM (
            SELECT 1 FROM bridges WHERE account_id = $1 AND mini_id = $2 AND openid > $3
                AND openid <= $4 LIMIT $5) b) AS bridges;

-- name: tally
-- $1 account; $2 broadcast.
SELECT channel, fell_through, state, errcode, receipt = 'success' AS delivered, COUNT(*) AS n
FROM deliveries WHERE account_id = $1 AND broadcast_id = $2
GROUP BY channel, fell_through, state, errcode, receipt = 'success';

-- name: next-due
-- When the earliest retry is due.
-- $1 account; $2 broadcast; $3 NULL, or of those alone whose answer was lost after this, UTC; $4 channel.
SELECT next_attempt_at FROM deliveries
WHERE account_id = $1 AND broadcast_id = $2 AND channel = $4 AND next_attempt_at IS NOT NULL
  AND (CAST($3 AS TIMESTAMPTZ) IS NULL OR open_since > $3 AND attempted_at >= open_since)
ORDER BY next_attempt_at LIMIT 1;

-- name: delivery-states
-- $1 account; $2 broadcast; $3 recipients as a JSON array; %s the recipients.
SELECT d.recipient, d.message_id AS message, d.state FROM (%s) r CROSS JOIN deliveries d
WHERE d.account_id = $1 AND d.broadcast_id = $2 AND d.recipient = r.value;

-- name: close-doubts
-- WeChat may have forgotten these, and a repeat would be another message.
-- $1 account; $2 broadcast; $3 in doubt since before, UTC; $4 errcode; $5 errmsg; $6 channel; $7 due until, UTC: what a
-- process has in hand is due later.
UPDATE deliveries SET state = 'unknown', errcode = $4, errmsg = $5, next_attempt_at = NULL
WHERE account_id = $1 AND broadcast_id = $2 AND channel = $6 AND next_attempt_at <= $7 AND open_since < $3
RETURNING broadcast_id, recipient, message_id AS message, channel;
