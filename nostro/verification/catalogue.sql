-- What PostgreSQL's catalogue says of our schema and our roles: name, facts, and a definition as the server words it, which
-- may differ from major to major. Whoever may connect may read this. Names of what belongs to a relation begin with the
-- relation's. `search_path` is one of the things that may have been changed, so the first statement sets it.

-- name: qualified
-- So that functions and operators are the server's own, and every name of ours is worded with its schema.
SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);

-- name: server
-- Its major version; whether our two roles are there.
SELECT
    pg_catalog.current_setting('server_version_num')::integer / 10000,
    (
        SELECT count(*) = 2 FROM pg_catalog.pg_roles
        WHERE rolname IN ('nostro_app', 'nostro_read_only')
    );

-- name: relation
-- Whoever owns the list of migrations owns everything.
WITH o AS (
    SELECT relowner AS owner FROM pg_catalog.pg_class WHERE oid = to_regclass('nostro.migrations')
)
SELECT
    c.relname::text,
    concat_ws(
        ', ',
        CASE c.relkind
            WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
            WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'foreign table' WHEN 'p' THEN 'partitioned table'
            ELSE c.relkind::text
        END,
        CASE c.relpersistence WHEN 'p' THEN 'permanent' WHEN 'u' THEN 'unlogged' ELSE 'temporary' END,
        CASE WHEN c.relrowsecurity THEN 'row security' END,
        CASE WHEN c.relforcerowsecurity THEN 'forced on the owner' END,
        CASE WHEN c.relowner <> o.owner THEN 'owned by ' || pg_get_userbyid(c.relowner) END
    ),
    CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END
FROM pg_catalog.pg_class AS c
LEFT JOIN o ON true
WHERE c.relnamespace = 'nostro'::regnamespace AND c.relkind NOT IN ('i', 'I', 't', 'c')
UNION ALL
SELECT
    'schema ' || n.nspname,
    CASE WHEN n.nspowner <> o.owner THEN 'owned by ' || pg_get_userbyid(n.nspowner) ELSE '' END, NULL
FROM pg_catalog.pg_namespace AS n
LEFT JOIN o ON true
WHERE n.nspname = 'nostro';

-- name: column
SELECT
    c.relname || '.' || a.attname,
    concat_ws(
        ', ', format_type(a.atttypid, a.atttypmod),
        CASE WHEN a.attnotnull THEN 'not null' END,
        CASE WHEN a.atthasdef AND a.attgenerated = '' THEN 'has a default' END,
        CASE WHEN a.attgenerated <> '' THEN 'generated' END,
        CASE WHEN a.attidentity <> '' THEN 'identity' END,
        CASE WHEN a.attcollation <> t.typcollation THEN 'another collation' END
    ),
    pg_get_expr(d.adbin, d.adrelid)
FROM pg_catalog.pg_attribute AS a
INNER JOIN pg_catalog.pg_class AS c ON a.attrelid = c.oid
INNER JOIN pg_catalog.pg_type AS t ON a.atttypid = t.oid
LEFT JOIN pg_catalog.pg_attrdef AS d ON a.attrelid = d.adrelid AND a.attnum = d.adnum
WHERE
    c.relnamespace = 'nostro'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'f', 'p')
    AND a.attnum > 0 AND NOT a.attisdropped;

-- name: constraint
-- A NOT NULL is told of its column; from PostgreSQL 18 on it may be one that old rows need not meet.
SELECT
    c.relname || '.' || k.conname,
    concat_ws(
        ', ', 'of kind ' || k.contype::text, CASE WHEN NOT k.convalidated THEN 'not validated' END,
        CASE WHEN k.condeferrable THEN 'deferrable' END
    ),
    pg_get_constraintdef(k.oid)
FROM pg_catalog.pg_constraint AS k
INNER JOIN pg_catalog.pg_class AS c ON k.conrelid = c.oid
WHERE c.relnamespace = 'nostro'::regnamespace AND (k.contype <> 'n' OR NOT k.convalidated);

-- name: index
SELECT
    c.relname || '.' || i.relname,
    concat_ws(
        ', ', CASE WHEN x.indisunique THEN 'unique' END,
        CASE WHEN NOT x.indisvalid THEN 'invalid' END, CASE WHEN NOT x.indisready THEN 'not ready' END,
        CASE WHEN NOT x.indislive THEN 'not live' END
    ),
    pg_get_indexdef(x.indexrelid)
FROM pg_catalog.pg_index AS x
INNER JOIN pg_catalog.pg_class AS c ON x.indrelid = c.oid
INNER JOIN pg_catalog.pg_class AS i ON x.indexrelid = i.oid
WHERE c.relnamespace = 'nostro'::regnamespace AND c.relkind <> 't';

-- name: trigger
-- Those that make a foreign key have a name of the server's, with a number in it: here they have their constraint's.
SELECT
    c.relname || '.' || CASE WHEN t.tgisinternal THEN concat_ws(' ', k.conname, p.proname) ELSE t.tgname END,
    CASE t.tgenabled
        WHEN 'O' THEN 'enabled' WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'on replicas alone' ELSE 'always'
    END,
    CASE WHEN NOT t.tgisinternal THEN pg_get_triggerdef(t.oid) END
FROM pg_catalog.pg_trigger AS t
INNER JOIN pg_catalog.pg_class AS c ON t.tgrelid = c.oid
INNER JOIN pg_catalog.pg_proc AS p ON t.tgfoid = p.oid
LEFT JOIN pg_catalog.pg_constraint AS k ON t.tgconstraint = k.oid
WHERE c.relnamespace = 'nostro'::regnamespace
UNION ALL
SELECT 'of events ' || evtname, evtenabled::text, evtevent || ' ' || evtfoid::regprocedure
FROM pg_catalog.pg_event_trigger;

-- name: rule
SELECT c.relname || '.' || r.rulename, r.ev_enabled::text, pg_get_ruledef(r.oid)
FROM pg_catalog.pg_rewrite AS r
INNER JOIN pg_catalog.pg_class AS c ON r.ev_class = c.oid
WHERE c.relnamespace = 'nostro'::regnamespace AND r.rulename <> '_RETURN';

-- name: policy
SELECT
    c.relname || '.' || p.polname, concat_ws(', ', p.polcmd, p.polpermissive),
    concat_ws('; ', pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
FROM pg_catalog.pg_policy AS p
INNER JOIN pg_catalog.pg_class AS c ON p.polrelid = c.oid
WHERE c.relnamespace = 'nostro'::regnamespace;

-- name: inheritance
-- The rows of a child are read with those of its parent.
SELECT p.relname || '.' || i.inhrelid::regclass, '', NULL
FROM pg_catalog.pg_inherits AS i
INNER JOIN pg_catalog.pg_class AS p ON i.inhparent = p.oid
WHERE p.relnamespace = 'nostro'::regnamespace AND p.relkind NOT IN ('i', 'I');

-- name: function
SELECT
    p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')',
    concat_ws(
        ', ', p.prokind, p.provolatile, p.proparallel, l.lanname,
        'returns ' || format_type(p.prorettype, NULL),
        CASE WHEN p.proisstrict THEN 'strict' END,
        CASE WHEN p.prosecdef THEN 'as its owner' END,
        CASE WHEN p.proleakproof THEN 'leakproof' END,
        'with ' || array_to_string(p.proconfig, ', '),
        CASE WHEN p.proowner <> n.relowner THEN 'owned by ' || pg_get_userbyid(p.proowner) END,
        'source ' || md5(p.prosrc)
    ),
    CASE WHEN p.prokind IN ('f', 'p') THEN pg_get_functiondef(p.oid) END
FROM pg_catalog.pg_proc AS p
INNER JOIN pg_catalog.pg_language AS l ON p.prolang = l.oid
LEFT JOIN pg_catalog.pg_class AS n ON n.oid = to_regclass('nostro.migrations')
WHERE p.pronamespace = 'nostro'::regnamespace;

-- name: operator
SELECT o.oid::regoperator::text, o.oprcode::text, NULL
FROM pg_catalog.pg_operator AS o WHERE o.oprnamespace = 'nostro'::regnamespace
UNION ALL
SELECT 'type ' || t.typname, t.typtype::text, NULL
FROM pg_catalog.pg_type AS t
WHERE t.typnamespace = 'nostro'::regnamespace AND t.typrelid = 0 AND t.typelem = 0;

-- name: privilege
-- Of our roles and of everybody. Of other roles only what is more than reading: who may read is for the operator to say.
WITH object AS (
    SELECT c.relname::text AS name, c.relowner AS owner, c.relacl AS acl
    FROM pg_catalog.pg_class AS c
    WHERE c.relnamespace = 'nostro'::regnamespace AND c.relkind NOT IN ('i', 'I', 't', 'c')
    UNION ALL
    SELECT c.relname || '.' || a.attname, c.relowner, a.attacl
    FROM pg_catalog.pg_attribute AS a
    INNER JOIN pg_catalog.pg_class AS c ON a.attrelid = c.oid
    WHERE c.relnamespace = 'nostro'::regnamespace AND a.attacl IS NOT NULL AND NOT a.attisdropped
    UNION ALL
    SELECT
        'function ' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')',
        p.proowner, coalesce(p.proacl, acldefault('f', p.proowner))
    FROM pg_catalog.pg_proc AS p WHERE p.pronamespace = 'nostro'::regnamespace
    UNION ALL
    SELECT 'schema ' || n.nspname, n.nspowner, n.nspacl
    FROM pg_catalog.pg_namespace AS n WHERE n.nspname = 'nostro'
    UNION ALL
    SELECT 'what is to come of kind ' || d.defaclobjtype::text, d.defaclrole, d.defaclacl
    FROM pg_catalog.pg_default_acl AS d WHERE d.defaclnamespace IN (0, 'nostro'::regnamespace)
),
granted AS (
    SELECT
        o.name, x.privilege_type, x.is_grantable,
        CASE WHEN x.grantee = 0 THEN 'everybody' ELSE pg_get_userbyid(x.grantee)::text END AS role
    FROM object AS o
    CROSS JOIN LATERAL aclexplode(o.acl) AS x
    WHERE x.grantee <> o.owner
)
SELECT
    name || ' to ' || role,
    string_agg(
        privilege_type || CASE WHEN is_grantable THEN ' and to grant it' ELSE '' END, ', '
        ORDER BY privilege_type COLLATE "C"
    ),
    NULL
FROM granted
WHERE
    role IN ('everybody', 'nostro_owner', 'nostro_app', 'nostro_read_only')
    OR privilege_type NOT IN ('SELECT', 'USAGE', 'EXECUTE')
GROUP BY name, role;

-- name: role
SELECT
    rolname::text,
    concat_ws(
        ', ', CASE WHEN rolcanlogin THEN 'may log in' END,
        CASE WHEN rolsuper THEN 'superuser' END, CASE WHEN rolbypassrls THEN 'bypasses row security' END,
        CASE WHEN rolcreaterole THEN 'creates roles' END,
        CASE WHEN rolcreatedb THEN 'creates databases' END,
        CASE WHEN rolreplication THEN 'replicates' END, CASE WHEN NOT rolinherit THEN 'inherits nothing' END
    ),
    NULL
FROM pg_catalog.pg_roles
WHERE rolname IN ('nostro_owner', 'nostro_app', 'nostro_read_only');

-- name: membership
-- The owner of the schema may hold the other two: who makes a role does.
SELECT m.rolname || ' in ' || r.rolname, CASE WHEN x.admin_option THEN 'may admit others' ELSE '' END, NULL
FROM pg_catalog.pg_auth_members AS x
INNER JOIN pg_catalog.pg_roles AS r ON x.roleid = r.oid
INNER JOIN pg_catalog.pg_roles AS m ON x.member = m.oid
WHERE
    (
        m.rolname IN ('nostro_owner', 'nostro_app', 'nostro_read_only')
        OR r.rolname IN ('nostro_owner', 'nostro_app', 'nostro_read_only')
    )
    AND NOT (
        r.rolname IN ('nostro_app', 'nostro_read_only')
        AND m.oid = (
            SELECT n.relowner FROM pg_catalog.pg_class AS n
            WHERE n.oid = to_regclass('nostro.migrations')
        )
    );

-- name: setting
-- Of the whole database only what can turn a question into another one.
SELECT
    coalesce(r.rolname::text, 'everybody') || ' ' || split_part(c.setting, '=', 1)
    || CASE WHEN s.setdatabase = 0 THEN '' ELSE ' in this database' END,
    substr(c.setting, strpos(c.setting, '=') + 1), NULL
FROM pg_catalog.pg_db_role_setting AS s
LEFT JOIN pg_catalog.pg_roles AS r ON s.setrole = r.oid
CROSS JOIN LATERAL unnest(s.setconfig) AS c (setting)
WHERE
    (s.setdatabase = 0 OR s.setdatabase = (
        SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = current_database()
    ))
    AND (
        r.rolname IN ('nostro_owner', 'nostro_app', 'nostro_read_only')
        OR (
            s.setrole = 0 AND split_part(c.setting, '=', 1) IN (
                'search_path', 'session_replication_role', 'row_security', 'synchronous_commit',
                'session_preload_libraries', 'local_preload_libraries', 'default_transaction_isolation'
            )
        )
    );

-- name: migration
SELECT name, sha256, NULL FROM nostro.migrations;
