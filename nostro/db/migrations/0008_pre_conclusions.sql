-- room: conclusions
-- People who may conclude what no acquirer can be asked about. The key itself is kept nowhere.
CREATE TABLE nostro.operators (
    book_id integer NOT NULL,
    id text NOT NULL,
    key_hash text NOT NULL,
    state text NOT NULL,
    created_ms bigint NOT NULL,
    PRIMARY KEY (book_id, id),
    UNIQUE (book_id, key_hash),
    CHECK (state IN ('active', 'removed'))
);

-- room: conclusions
CREATE TABLE nostro.evidence_files (
    book_id integer NOT NULL,
    sha256 text NOT NULL,
    name text NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (book_id, sha256),
    CHECK (sha256 = encode(sha256(body), 'hex'))
);

-- room: conclusions
-- What two people concluded of a message. The database itself refuses one person alone.
CREATE TABLE nostro.conclusions (
    book_id integer NOT NULL,
    id text NOT NULL,
    verdict text NOT NULL,
    acquirer_reference text NOT NULL,
    reason text NOT NULL,
    evidence text NOT NULL,
    state text NOT NULL,
    proposed_by text NOT NULL,
    proposed_ms bigint NOT NULL,
    decided_by text,
    decided_ms bigint,
    PRIMARY KEY (book_id, id),
    FOREIGN KEY (book_id, evidence) REFERENCES nostro.evidence_files (book_id, sha256),
    CHECK (verdict IN ('done', 'not_done')),
    CHECK (state IN ('proposed', 'withdrawn', 'applied')),
    CHECK (state <> 'applied' OR (decided_by IS NOT NULL AND decided_by <> proposed_by))
);
REVOKE SELECT ON nostro.operators FROM nostro_read_only;
GRANT SELECT (book_id, id, state, created_ms) ON nostro.operators TO nostro_read_only;
GRANT SELECT, INSERT ON nostro.evidence_files TO nostro_app;
GRANT SELECT, INSERT, UPDATE ON nostro.operators, nostro.conclusions TO nostro_app;
