-- name: is-encrypted
-- A file is on this machine.
SELECT FALSE;
