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
SELECT state, errcode, receipt = 'success' AS delivered, COUNT(*) AS n
FROM deliveries WHERE account_id = $1 AND broadcast_id = $2 GROUP BY state, errcode, receipt = 'success';

-- name: recent-messages
-- How many messages people have had, of all the account's broadcasts; what is under
-- way counts, too.
-- $1 account; $2 broadcast, which does not count; $3 a day ago; $4 a week ago, UTC; $5 recipients as a JSON array;
-- $6 the first broadcast to look at; %s the recipients.
SELECT d.recipient, SUM(CASE WHEN d.attempted_at IS NULL OR d.attempted_at >= $3 THEN 1 ELSE 0 END) AS day,
    COUNT(*) AS week
FROM (%s) r CROSS JOIN deliveries d
WHERE d.account_id = $1 AND d.recipient = r.value AND d.broadcast_id >= $6 AND d.broadcast_id <> $2
  AND (d.state IN ('sent', 'unknown') AND d.attempted_at >= $4
       OR d.state = 'pending' AND (d.open_since IS NOT NULL OR EXISTS (
          SELECT 1 FROM leases l WHERE l.account_id = d.account_id AND l.broadcast_id = d.broadcast_id
                                   AND l.from_recipient < d.recipient AND d.recipient <= l.to_recipient)))
GROUP BY d.recipient;

-- name: pending-elsewhere
-- Which of these people an older broadcast is being sent to just now, or tried again.
-- $1 account; $2 broadcast; $3 priority; $4 at work since, UTC; $5 recipients as a JSON array; %s the recipients.
SELECT d.recipient, d.next_attempt_at
FROM (%s) r CROSS JOIN deliveries d JOIN broadcasts b ON b.account_id = d.account_id AND b.id = d.broadcast_id
WHERE d.account_id = $1 AND d.recipient = r.value AND d.broadcast_id < $2 AND d.state = 'pending'
  AND b.state = 'running' AND b.finished_at IS NULL AND b.priority >= $3 AND b.worked_at > $4
  AND (d.next_attempt_at IS NOT NULL OR EXISTS (
      SELECT 1 FROM leases l WHERE l.account_id = d.account_id AND l.broadcast_id = d.broadcast_id
                               AND l.from_recipient < d.recipient AND d.recipient <= l.to_recipient));

-- name: messaged
-- Which of these people got, or are to get, a message that the audience rules out.
-- $1 account; $2 broadcast, which does not count; $3 excluded broadcasts as a JSON array; $4 messages since, UTC;
-- $5 recipients as a JSON array; %[1]s the recipients; %[2]s the broadcasts.
SELECT DISTINCT d.recipient
FROM (%[1]s) r CROSS JOIN deliveries d
WHERE d.account_id = $1 AND d.recipient = r.value AND d.broadcast_id <> $2
  AND (CAST(d.broadcast_id AS TEXT) IN (%[2]s) AND d.state IN ('pending', 'sent', 'unknown')
       OR d.state IN ('sent', 'unknown') AND d.attempted_at >= $4
       OR d.state = 'pending' AND $4 < '9999-01-01' AND d.broadcast_id < $2 AND EXISTS (
          SELECT 1 FROM broadcasts b WHERE b.account_id = d.account_id AND b.id = d.broadcast_id
              AND b.state IN ('running', 'waiting')));

-- name: next-due
-- When the earliest retry is due.
-- $1 account; $2 broadcast.
SELECT next_attempt_at FROM deliveries
WHERE account_id = $1 AND broadcast_id = $2 AND next_attempt_at IS NOT NULL ORDER BY next_attempt_at LIMIT 1;
