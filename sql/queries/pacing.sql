-- name: get-pacing
-- With the highest rate of the broadcasts that run and send by the API. LIMIT 1 OFFSET 0 keeps
-- the planner from reading the channels of all for each of them.
-- $1 app; $2 api; $3 account; %s the store's clock.
SELECT %s AS now, p.slot_at, p.slot_n, p.share, p.share_at,
    (SELECT b.rate FROM broadcasts b
     WHERE b.account_id = $3 AND b.finished_at IS NULL AND b.state = 'running' AND EXISTS (
        SELECT 1 FROM broadcast_channels c
        WHERE c.account_id = b.account_id AND c.broadcast_id = b.id AND c.app_id = $1 AND c.api = $2 LIMIT 1 OFFSET 0)
     ORDER BY b.rate DESC LIMIT 1) AS rate
FROM (SELECT 1 AS one) o LEFT JOIN pacing p ON p.app_id = $1 AND p.api = $2;

-- name: put-pacing
-- $1 app; $2 api; $3 slot_at; $4 slot_n; $5 share; $6 share_at or NULL, UTC.
INSERT INTO pacing (app_id, api, slot_at, slot_n, share, share_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (app_id, api) DO UPDATE SET slot_at = excluded.slot_at, slot_n = excluded.slot_n, share = excluded.share,
    share_at = excluded.share_at;
