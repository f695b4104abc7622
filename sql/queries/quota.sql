-- name: get-quota
-- $1 app; $2 api; $3 day.
SELECT api, day, daily_limit, used, read_used, claimed, ours, read_ours, messages, doubtful, read_at FROM quota_days
    WHERE app_id = $1 AND api = $2 AND day = $3;

-- name: list-quota
-- $1 app; $2 day.
SELECT api, day, daily_limit, used, read_used, ours, doubtful, read_at FROM quota_days
    WHERE app_id = $1 AND day = $2 ORDER BY api;

-- name: quota-history
-- $1 app; $2 api; $3 first day; $4 last day.
SELECT api, day, daily_limit, used, read_used, ours, doubtful, read_at FROM quota_days
    WHERE app_id = $1 AND api = $2 AND day BETWEEN $3 AND $4 ORDER BY day;

-- name: put-quota
-- What WeChat just told. Its counter lags behind our reservations, so the larger
-- of the two stands. Its counter is about 1 % off, so only one that fell by half
-- was reset (a new day there, or a cleared quota), and then ours starts again from it,
-- with what is in flight. A limit of 0 is none that WeChat told: a known one stays. Once
-- we have been quiet for a while it has caught up, and stands alone: what dead workers
-- reserved and never used is free again.
-- $1 app; $2 api; $3 day; $4 limit; $5 used; $6 now; $7 quiet since, UTC; $8 calls of ours
-- that were recorded before WeChat was asked.
INSERT INTO quota_days (app_id, api, day, daily_limit, used, read_used, read_at) VALUES ($1, $2, $3, $4, $5, $5, $6)
ON CONFLICT (app_id, api, day) DO UPDATE SET
    daily_limit = CASE WHEN excluded.daily_limit = 0 THEN quota_days.daily_limit ELSE excluded.daily_limit END,
    doubtful = FALSE,
    used = CASE WHEN NOT EXISTS (SELECT 1 FROM pacing p
        WHERE p.app_id = excluded.app_id AND p.api = excluded.api AND p.slot_at > $7) THEN excluded.used
                WHEN excluded.read_used * 2 < quota_days.read_used THEN excluded.used + quota_days.claimed - $8
                WHEN excluded.used > quota_days.used THEN excluded.used ELSE quota_days.used END,
    claimed = CASE WHEN NOT EXISTS (SELECT 1 FROM pacing p
        WHERE p.app_id = excluded.app_id AND p.api = excluded.api
        AND p.slot_at > $7) THEN quota_days.ours ELSE quota_days.claimed END,
    read_used = excluded.read_used,
    read_ours = $8,
    read_at = excluded.read_at;

-- name: add-quota
-- Reserve, or give back with a negative number.
-- $1 app; $2 api; $3 day; $4 calls; $5 those of them that single messages take.
UPDATE quota_days SET used = used + $4, claimed = claimed + $4, messages = messages + $5
    WHERE app_id = $1 AND api = $2 AND day = $3;

-- name: doubt-quota
-- Give back what a dead worker had reserved, until WeChat says what it used of it.
-- $1 app; $2 api; $3 day; $4 calls.
UPDATE quota_days SET used = CASE WHEN used > $4 THEN used - $4 ELSE 0 END, claimed = CASE
    WHEN claimed - $4 > ours THEN claimed - $4 ELSE ours END, doubtful = TRUE
    WHERE app_id = $1 AND api = $2 AND day = $3;

-- name: count-calls
-- Calls that we made and recorded.
-- $1 app; $2 api; $3 day; $4 calls.
UPDATE quota_days SET ours = ours + $4 WHERE app_id = $1 AND api = $2 AND day = $3;

-- name: count-other-calls
-- Calls that we made of an API whose quota we do not reserve.
-- $1 app; $2 api; $3 day; $4 calls; $5 now, UTC.
INSERT INTO quota_days (app_id, api, day, daily_limit, used, read_used, ours, read_at)
    VALUES ($1, $2, $3, 0, 0, 0, $4, $5)
ON CONFLICT (app_id, api, day) DO UPDATE SET ours = quota_days.ours + excluded.ours;

-- name: spend-quota
-- WeChat said 45009: nothing is left, whatever the counters say.
-- $1 app; $2 api; $3 day.
UPDATE quota_days SET used = daily_limit WHERE app_id = $1 AND api = $2 AND day = $3 AND used < daily_limit;
