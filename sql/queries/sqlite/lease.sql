-- name: delete-leases
-- $1 account; $2 worker; $3 lease ids as a JSON array.
DELETE FROM leases WHERE account_id = $1 AND worker = $2 AND id IN (SELECT value FROM json_each($3));
