-- name: date-commits
-- After the store's clock went back, those from the future are of now.
-- $1 account; $2 now, UTC.
UPDATE commits SET at = $2 WHERE account_id = $1 AND at > $2;

-- name: find-commits
-- Which of these transactions the store has.
-- $1 account; $2 their ids as a JSON array; %s the ids.
SELECT id FROM commits WHERE account_id = $1 AND id IN (%s);
