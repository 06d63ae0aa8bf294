-- name: insert_audit_records
INSERT INTO nostro.audit_records (
    book_id, seq, batch_no, action, subject, changes, actor, request_id, outcome,
    address, address_salt, address_hash
)
SELECT $1, x.seq, $2, x.action, x.subject, x.changes, x.actor, x.request_id, x.outcome,
    x.address, x.address_salt, x.address_hash
FROM unnest(
    $3::bigint [], $4::text [], $5::text [], $6::text [], $7::text [], $8::text [], $9::text [],
    $10::text [], $11::bytea [], $12::bytea []
) AS x (
    seq, action, subject, changes, actor, request_id, outcome, address, address_salt, address_hash
);
