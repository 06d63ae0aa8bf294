-- Who may see the schema. What each role may do to a table is granted beside that table.
-- The runner replaces the role names where the server let us create none.

REVOKE ALL ON SCHEMA public FROM PUBLIC;
REVOKE ALL ON SCHEMA nostro FROM PUBLIC;
GRANT USAGE ON SCHEMA nostro TO nostro_app, nostro_read_only;

-- Reading is granted by default so that a new table cannot be forgotten by the people who check
-- the books; a table that must not be read that way revokes it in its own migration.
ALTER DEFAULT PRIVILEGES IN SCHEMA nostro GRANT SELECT ON TABLES TO nostro_read_only;
GRANT SELECT ON nostro.migrations TO nostro_app, nostro_read_only;
