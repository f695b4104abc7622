-- name: find-job-run
-- $1 account; $2 job; $3 due, UTC.
SELECT id, finished_at IS NOT NULL AS over, leased_until FROM job_runs
    WHERE account_id = $1 AND job = $2 AND due_at = $3;

-- name: job-at-work
-- The time at which a run of the job was due that is at work now.
-- $1 account; $2 job; $3 now, UTC.
SELECT due_at FROM job_runs WHERE account_id = $1 AND job = $2 AND finished_at IS NULL AND leased_until >= $3
    ORDER BY due_at LIMIT 1;

-- name: add-job-run
-- $1 account; $2 job; $3 due; $4 worker; $5 now; $6 leased_until; $7 finished_at or NULL, UTC; $8 outcome; $9 detail.
INSERT INTO job_runs (account_id, job, due_at, worker, started_at, leased_until, finished_at, outcome, detail)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id;

-- name: take-over-job-run
-- $1 run; $2 worker; $3 leased_until, UTC.
UPDATE job_runs SET worker = $2, leased_until = $3, attempts = attempts + 1 WHERE id = $1;

-- name: renew-job-run
-- $1 run; $2 worker; $3 leased_until, UTC.
UPDATE job_runs SET leased_until = $3 WHERE id = $1 AND worker = $2 AND finished_at IS NULL;

-- name: finish-job-run
-- $1 run; $2 worker; $3 now, UTC; $4 outcome; $5 detail.
UPDATE job_runs SET finished_at = $3, outcome = $4, detail = $5 WHERE id = $1 AND worker = $2 AND finished_at IS NULL;

-- name: end-interrupted-job-runs
-- $1 account; $2 job; $3 now, UTC; $4 outcome; $5 detail.
UPDATE job_runs SET finished_at = $3, outcome = $4, detail = $5
    WHERE account_id = $1 AND job = $2 AND finished_at IS NULL AND leased_until < $3;

-- name: list-job-runs
-- $1 account; $2 at most.
SELECT id, account_id, job, due_at, started_at, finished_at, worker, attempts, outcome, detail FROM job_runs
    WHERE account_id = $1 ORDER BY id DESC LIMIT $2;
