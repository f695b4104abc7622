-- name: add-goals
-- $1 account; $2 JSON array of {openid, mini_openid, goal, amount, at, key}.
INSERT INTO goals (account_id, openid, mini_openid, goal, amount, at, goal_key)
SELECT $1, value ->> 'openid', value ->> 'mini_openid', value ->> 'goal', value ->> 'amount', value ->> 'at',
    value ->> 'key' FROM json_each($2) WHERE TRUE
ON CONFLICT (account_id, goal_key) DO NOTHING RETURNING openid, mini_openid, goal, amount, at;
