-- Which ledger subjects tell an object's story. Transfers of a payment name its charges, those of a refund the refund;
-- audit records name the intent as well.

-- name: subjects_of_object
WITH named AS (
    SELECT i.id AS intent, i.account FROM nostro.payment_intents AS i WHERE i.book_id = $1 AND i.id = $2
    UNION ALL
    SELECT c.intent, c.account FROM nostro.charges AS c WHERE c.book_id = $1 AND c.id = $2
)
SELECT n.intent, n.account FROM named AS n
UNION
SELECT c.id, n.account FROM named AS n
INNER JOIN nostro.charges AS c ON c.book_id = $1 AND n.intent = c.intent
UNION
SELECT r.id, n.account FROM named AS n
INNER JOIN nostro.charges AS c ON c.book_id = $1 AND n.intent = c.intent
INNER JOIN nostro.refunds AS r ON r.book_id = $1 AND c.id = r.charge
UNION
SELECT r.id, r.account FROM nostro.refunds AS r WHERE r.book_id = $1 AND r.id = $2
UNION
SELECT t.source, t.account FROM nostro.balance_transactions AS t WHERE t.book_id = $1 AND t.id = $2;
