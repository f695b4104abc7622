-- name: add-goals
-- $1 account; $2 JSON array of {openid, mini_openid, goal, amount, at, key}.
INSERT INTO goals (account_id, openid, mini_openid, goal, amount, at, goal_key)
SELECT $1, openid, mini_openid, goal, amount, at, key FROM json_to_recordset($2::json)
    AS r (openid text, mini_openid text, goal text, amount bigint, at timestamptz, key text)
ON CONFLICT (account_id, goal_key) DO NOTHING RETURNING openid, mini_openid, goal, amount, at;
