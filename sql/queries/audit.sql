-- name: add-audit
-- $1 account; $2 now, UTC; $3 actor; $4 action; $5 target.
INSERT INTO audit_log (account_id, at, actor, action, target) VALUES ($1, $2, $3, $4, $5) RETURNING id;

-- name: end-audit
-- $1 entry; $2 target; $3 outcome.
UPDATE audit_log SET target = $2, outcome = $3 WHERE id = $1;

-- name: list-audit
-- The latest first.
-- $1 account; $2 before this id; $3 at most.
SELECT id, at, actor, action, target, outcome FROM audit_log
    WHERE account_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3;
