-- name: add-visit
-- $1 account; $2 broadcast; $3 recipient; $4 message; $5 mini_openid; $6 came_at; $7 counts_until, UTC; $8 scene.
INSERT INTO visits (account_id, broadcast_id, recipient, message_id, mini_openid, came_at, counts_until, scene)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (account_id, broadcast_id, recipient, message_id) DO NOTHING;

-- name: count-visits
-- Who came, and who did something then, and for how much: each person once, and what each did
-- once; by channel, or of all together.
-- $1 account; $2 broadcast; $3 by channel.
WITH came AS (
    SELECT v.account_id, v.recipient, v.mini_openid, v.came_at, v.counts_until,
        CASE WHEN $3 THEN d.channel ELSE '' END AS channel
    FROM visits v JOIN deliveries d ON d.account_id = v.account_id AND d.broadcast_id = v.broadcast_id
        AND d.recipient = v.recipient AND d.message_id = v.message_id
    WHERE v.account_id = $1 AND v.broadcast_id = $2),
reached AS (
    SELECT DISTINCT c.channel, c.recipient, g.id, g.amount FROM came c JOIN goals g ON g.account_id = c.account_id
        AND (g.openid = c.recipient OR g.mini_openid = c.recipient OR g.mini_openid = c.mini_openid)
        AND g.at >= c.came_at AND g.at < c.counts_until)
SELECT c.channel, COUNT(DISTINCT c.recipient) AS came,
    (SELECT COUNT(DISTINCT r.recipient) FROM reached r WHERE r.channel = c.channel) AS converted,
    COALESCE((SELECT SUM(r.amount) FROM reached r WHERE r.channel = c.channel), 0) AS amount
FROM came c GROUP BY c.channel;

-- name: count-goals-of-recipients
-- How many of a broadcast's people did something in a time, and for how much, of those who were
-- held out and of the others.
-- $1 account; $2 broadcast; $3 from; $4 and before, UTC; $5 the errcode of who is held out.
SELECT d.errcode = $5 AS held_out, COUNT(DISTINCT d.recipient) AS people, COALESCE(SUM(g.amount), 0) AS amount
FROM goals g JOIN deliveries d ON d.account_id = g.account_id AND d.broadcast_id = $2
    AND d.recipient IN (g.openid, g.mini_openid)
WHERE g.account_id = $1 AND g.at >= $3 AND g.at < $4
GROUP BY d.errcode = $5;

-- name: drop-old-visits
-- $1 account; $2 before, UTC; $3 at most.
DELETE FROM visits WHERE account_id = $1 AND (broadcast_id, recipient, message_id) IN (
    SELECT x.broadcast_id, x.recipient, x.message_id FROM visits x WHERE x.account_id = $1 AND x.came_at < $2 LIMIT $3);

-- name: drop-old-goals
-- $1 account; $2 before, UTC; $3 at most.
DELETE FROM goals WHERE account_id = $1 AND id IN (
    SELECT x.id FROM goals x WHERE x.account_id = $1 AND x.at < $2 LIMIT $3);

-- name: forget-visits
-- As their deliveries, they stay for the counts.
-- $1 account; $2 openid or mini_openid; $3 the name that stands for it.
UPDATE visits SET recipient = CASE WHEN recipient = $2 THEN CAST($3 AS TEXT) ELSE recipient END,
    mini_openid = CASE WHEN mini_openid = $2 THEN CAST($3 AS TEXT) ELSE mini_openid END
WHERE account_id = $1 AND (recipient = $2 OR mini_openid = $2);

-- name: forget-goals
-- $1 account; $2 openid or mini_openid; $3 the name that stands for it.
UPDATE goals SET openid = CASE WHEN openid = $2 THEN CAST($3 AS TEXT) ELSE openid END,
    mini_openid = CASE WHEN mini_openid = $2 THEN CAST($3 AS TEXT) ELSE mini_openid END, goal_key = CAST(id AS TEXT)
WHERE account_id = $1 AND (openid = $2 OR mini_openid = $2);
