-- The three roles. Run at every start, by whoever may create roles; each statement may run twice.
-- The timeouts are the reason a stalled process cannot hold a book: the server ends its
-- transaction. Migrations and reports may take longer than a payment, so theirs are longer or none.

-- name: owner
-- Owns the schema and runs migrations; no superuser, creates neither roles nor databases.
ALTER ROLE nostro_owner NOSUPERUSER NOCREATEROLE NOCREATEDB NOBYPASSRLS LOGIN;
ALTER ROLE nostro_owner SET search_path = nostro;

-- name: app
-- What the API and the worker run as: it may do what migrations grant it, table by table.
ALTER ROLE nostro_app SET search_path = nostro;
ALTER ROLE nostro_app SET statement_timeout = '5s';
ALTER ROLE nostro_app SET lock_timeout = '3s';
ALTER ROLE nostro_app SET idle_in_transaction_session_timeout = '5s';

-- name: read_only
-- For verification, reports and people: it reads.
ALTER ROLE nostro_read_only SET search_path = nostro;
ALTER ROLE nostro_read_only SET default_transaction_read_only = on;
ALTER ROLE nostro_read_only SET lock_timeout = '3s';
ALTER ROLE nostro_read_only SET idle_in_transaction_session_timeout = '60s';
