-- What the planner cannot know of a table that is still empty: nearly all of its rows are of one book. Told otherwise it
-- reads a whole book to find one row, until statistics are gathered (ADR 8). PostgreSQL 18 can be told.
DO $$
DECLARE
    book record;
BEGIN
    IF EXISTS (SELECT 1 FROM pg_proc AS p WHERE p.proname = 'pg_restore_attribute_stats') THEN
        FOR book IN
            SELECT c.relname FROM pg_class AS c
            INNER JOIN pg_attribute AS a ON c.oid = a.attrelid
            WHERE c.relnamespace = 'nostro'::regnamespace AND c.relkind = 'r'
            AND a.attname = 'book_id'
        LOOP
            PERFORM pg_restore_attribute_stats(
                'schemaname', 'nostro', 'relname', book.relname::text, 'attname', 'book_id',
                'inherited', false, 'null_frac', 0::real, 'avg_width', 4, 'n_distinct', 1::real
            );
        END LOOP;
    END IF;
END
$$;
