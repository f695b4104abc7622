-- name: last-audit
-- $1 account.
SELECT seq, hash FROM audit_log WHERE account_id = $1 ORDER BY seq DESC LIMIT 1;

-- name: add-audit
-- $1 account; $2 seq; $3 now, UTC; $4 actor; $5 origin; $6 action; $7 target; $8 subject; $9 outcome; $10 ends;
-- $11 key_id; $12 prev; $13 hash.
INSERT INTO audit_log (account_id, seq, at, actor, origin, action, target, subject, outcome, ends, key_id, prev, hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13);

-- name: list-audit
-- The latest first, each with how it ended.
-- $1 account; $2 before this seq; $3 at most; $4 a person's hash, or '' for all.
SELECT b.seq, b.at, b.actor, b.origin, b.action, COALESCE(e.target, b.target) AS target,
    COALESCE(e.subject, b.subject) AS subject, COALESCE(e.outcome, b.outcome) AS outcome, b.hash
FROM audit_log b LEFT JOIN audit_log e ON e.account_id = b.account_id AND e.ends = b.seq AND e.ends > 0
WHERE b.account_id = $1 AND b.seq < $2 AND b.ends = 0
    AND ($4 = '' OR COALESCE(e.subject, b.subject) LIKE '%' || $4 || '%')
ORDER BY b.seq DESC LIMIT $3;

-- name: walk-audit
-- In their order.
-- $1 account; $2 after this seq; $3 at most.
SELECT seq, at, actor, origin, action, target, subject, outcome, ends, key_id, prev, hash FROM audit_log
    WHERE account_id = $1 AND seq > $2 ORDER BY seq LIMIT $3;

-- name: audit-salt
-- $1 account.
SELECT audit_salt FROM apps WHERE id = $1;

-- name: set-audit-salt
-- The first one stays.
-- $1 account; $2 salt.
UPDATE apps SET audit_salt = $2 WHERE id = $1 AND audit_salt = '';

-- name: audit-of-target
-- Those of the latest entries that are about one thing, the latest first, each with how it ended.
-- $1 account; $2 target; $3 the same with a space behind; $4 looked at, at most; $5 at most.
SELECT b.seq, b.at, b.actor, b.origin, b.action, COALESCE(e.target, b.target) AS target,
    COALESCE(e.subject, b.subject) AS subject, COALESCE(e.outcome, b.outcome) AS outcome, b.hash
FROM (SELECT * FROM audit_log WHERE account_id = $1 ORDER BY seq DESC LIMIT $4) b
LEFT JOIN audit_log e ON e.account_id = $1 AND e.ends = b.seq AND e.ends > 0
WHERE b.ends = 0 AND (COALESCE(e.target, b.target) = $2
    OR substr(COALESCE(e.target, b.target), 1, length($3)) = $3)
ORDER BY b.seq DESC LIMIT $5;
