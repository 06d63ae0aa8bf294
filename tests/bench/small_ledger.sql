-- A ledger with the names the comparison calls, small enough to be judged at a glance: it tests the comparison, not a ledger.
CREATE TYPE transfer_request AS (source text, destination text, amount numeric);
CREATE TABLE pgledger_accounts (
    id text PRIMARY KEY,
    name text NOT NULL,
    balance numeric NOT NULL DEFAULT 0,
    version bigint NOT NULL DEFAULT 0
);
CREATE TABLE pgledger_transfers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
CREATE TABLE pgledger_entries (account_id text NOT NULL, transfer_id bigint NOT NULL, amount numeric NOT NULL);

CREATE FUNCTION pgledger_create_account(name text, currency text) RETURNS SETOF pgledger_accounts
LANGUAGE sql AS $$
    INSERT INTO pgledger_accounts (id, name) VALUES ($2 || $1, $1) RETURNING *
$$;

CREATE FUNCTION pgledger_create_transfers(requests transfer_request []) RETURNS SETOF pgledger_transfers
LANGUAGE plpgsql AS $$
DECLARE
    request transfer_request;
    made bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(1);
    FOREACH request IN ARRAY requests LOOP
        INSERT INTO pgledger_transfers DEFAULT VALUES RETURNING id INTO made;
        INSERT INTO pgledger_entries
        VALUES (request.source, made, -request.amount), (request.destination, made, request.amount);
        UPDATE pgledger_accounts AS a
        SET balance = a.balance + CASE a.id WHEN request.source THEN -request.amount ELSE request.amount END,
            version = a.version + 1
        WHERE a.id IN (request.source, request.destination);
        RETURN QUERY SELECT made;
    END LOOP;
END
$$;

CREATE FUNCTION pgledger_create_transfer(source text, destination text, amount numeric)
RETURNS SETOF pgledger_transfers LANGUAGE sql AS $$
    SELECT * FROM pgledger_create_transfers(ARRAY[($1, $2, $3)::transfer_request])
$$;
