-- name: take_lease
-- Take a free lease, or renew one's own. No row comes back while another instance holds it. One that ends after $6 is
-- longer than any that is given: a clock was ahead.
INSERT INTO nostro.leases AS l (book_id, duty, holder, until_ms) VALUES ($1, $2, $3, $4)
ON CONFLICT (book_id, duty) DO UPDATE
SET holder = excluded.holder, until_ms = excluded.until_ms
WHERE l.book_id = $1 AND (l.holder = excluded.holder OR l.until_ms < $5 OR l.until_ms > $6)
RETURNING until_ms;

-- name: release_lease
UPDATE nostro.leases SET until_ms = 0 WHERE book_id = $1 AND duty = $2 AND holder = $3;

-- name: void_leases
-- End the leases of every instance of an earlier generation; the living share a prefix.
UPDATE nostro.leases SET until_ms = 0
WHERE book_id = $1 AND until_ms > 0 AND NOT starts_with(holder, $2);
