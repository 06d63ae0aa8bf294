-- Questions to the audit log.

-- name: newest_records
-- Records before number $2, newest first.
SELECT seq, batch_no, action, subject, changes, actor, request_id, outcome
FROM nostro.audit_records WHERE book_id = $1 AND seq < $2
ORDER BY seq DESC LIMIT $3;

-- name: newest_records_about
-- The same about some subjects.
SELECT seq, batch_no, action, subject, changes, actor, request_id, outcome
FROM nostro.audit_records WHERE book_id = $1 AND subject = any($2::text []) AND seq < $3
ORDER BY seq DESC LIMIT $4;
