-- Payments and all that a card reaches. Times ending in _ms, available_on and capture_before are business time;
-- lease_until, send_by and due_at are system time; both in milliseconds since the epoch.

-- room: idempotency
CREATE TABLE nostro.idempotency_keys (
    book_id integer NOT NULL,
    id text NOT NULL,
    endpoint text NOT NULL,
    fingerprint bytea NOT NULL,
    request_id text NOT NULL,
    created_ms bigint NOT NULL,
    attempt text,
    answer text,
    PRIMARY KEY (book_id, id)
) WITH (fillfactor = 60);
CREATE INDEX idempotency_keys_by_age ON nostro.idempotency_keys (book_id, created_ms);

-- room: payments
CREATE TABLE nostro.payment_intents (
    book_id integer NOT NULL,
    seq bigint NOT NULL,
    id text NOT NULL,
    account text NOT NULL,
    status text NOT NULL,
    amount bigint NOT NULL,
    currency text NOT NULL,
    capture_method text NOT NULL,
    client_secret text NOT NULL,
    created_ms bigint NOT NULL,
    live boolean NOT NULL,
    terms json NOT NULL,
    customer text,
    payment_method text,
    latest_charge text,
    amount_capturable bigint NOT NULL,
    amount_received bigint NOT NULL,
    canceled_ms bigint,
    cancellation_reason text,
    last_error json,
    PRIMARY KEY (book_id, id),
    UNIQUE (book_id, account, seq),
    CHECK (amount > 0),
    CHECK (amount_capturable BETWEEN 0 AND amount),
    CHECK (amount_received BETWEEN 0 AND amount),
    CHECK (status IN (
        'requires_payment_method', 'requires_confirmation', 'processing', 'requires_capture',
        'succeeded', 'canceled'
    )),
    CHECK (capture_method IN ('automatic', 'automatic_async', 'manual'))
) WITH (fillfactor = 60);
CREATE INDEX payment_intents_by_customer ON nostro.payment_intents (book_id, customer)
WHERE customer IS NOT NULL;

-- room: payments
CREATE TABLE nostro.payment_attempts (
    book_id integer NOT NULL,
    id text NOT NULL,
    account text NOT NULL,
    intent text NOT NULL,
    charge text NOT NULL,
    operation text NOT NULL,
    state text NOT NULL,
    acquirer text NOT NULL,
    amount bigint NOT NULL,
    currency text NOT NULL,
    payment_method text NOT NULL,
    created_ms bigint NOT NULL,
    send_by bigint NOT NULL,
    lease_until bigint NOT NULL,
    holder text NOT NULL,
    epoch bigint NOT NULL,
    sends bigint NOT NULL,
    replayable boolean NOT NULL,
    cancelling boolean NOT NULL,
    final boolean NOT NULL,
    original text,
    key text,
    request_id text,
    hold text,
    doubt_hold text,
    reason text,
    evidence text,
    PRIMARY KEY (book_id, id),
    CHECK (amount > 0),
    CHECK (sends >= 1),
    CHECK (operation IN ('sale', 'authorize', 'capture', 'void')),
    CHECK (state IN (
        'sending', 'unknown', 'approved', 'declined', 'rejected', 'not_sent', 'undone'
    )),
    CHECK (state NOT IN ('rejected', 'not_sent') OR sends = 1)
) WITH (fillfactor = 60);
-- Failover and retries are safe by constraint: one attempt of an intent may be live or unknown.
CREATE UNIQUE INDEX payment_attempts_one_live ON nostro.payment_attempts (book_id, intent)
WHERE state IN ('sending', 'unknown');
CREATE INDEX payment_attempts_due ON nostro.payment_attempts (book_id, lease_until)
WHERE state IN ('sending', 'unknown');

-- room: payments
CREATE TABLE nostro.charges (
    book_id integer NOT NULL,
    seq bigint NOT NULL,
    id text NOT NULL,
    account text NOT NULL,
    intent text NOT NULL,
    status text NOT NULL,
    amount bigint NOT NULL,
    currency text NOT NULL,
    acquirer text NOT NULL,
    reference text NOT NULL,
    created_ms bigint NOT NULL,
    live boolean NOT NULL,
    payment_method text NOT NULL,
    card json NOT NULL,
    checks json NOT NULL,
    billing json NOT NULL,
    terms json NOT NULL,
    customer text,
    captured boolean NOT NULL,
    amount_captured bigint NOT NULL,
    amount_refunded bigint NOT NULL,
    refunds_reserved bigint NOT NULL,
    released boolean NOT NULL,
    balance_transaction text,
    available_on bigint,
    hold text,
    capture_before bigint,
    acquirer_reference text,
    authorization_code text,
    network_reference text,
    failure_code text,
    failure_message text,
    decline_code text,
    network_code text,
    PRIMARY KEY (book_id, id),
    UNIQUE (book_id, account, seq),
    CHECK (amount > 0),
    CHECK (status IN ('succeeded', 'failed')),
    CHECK (amount_captured BETWEEN 0 AND amount),
    CHECK (amount_refunded >= 0 AND refunds_reserved >= 0),
    CHECK (amount_refunded + refunds_reserved <= amount_captured),
    CHECK (status = 'succeeded' OR (amount_captured = 0 AND hold IS NULL))
);
CREATE INDEX charges_by_intent ON nostro.charges (book_id, intent);
CREATE INDEX charges_to_expire ON nostro.charges (book_id, capture_before)
WHERE hold IS NOT NULL AND NOT captured AND NOT released;

-- room: refunds
CREATE TABLE nostro.refunds (
    book_id integer NOT NULL,
    seq bigint NOT NULL,
    id text NOT NULL,
    account text NOT NULL,
    charge text NOT NULL,
    intent text NOT NULL,
    state text NOT NULL,
    amount bigint NOT NULL,
    currency text NOT NULL,
    acquirer text NOT NULL,
    original text NOT NULL,
    created_ms bigint NOT NULL,
    live boolean NOT NULL,
    lease_until bigint NOT NULL,
    send_by bigint NOT NULL,
    holder text NOT NULL,
    epoch bigint NOT NULL,
    sends bigint NOT NULL,
    reason text,
    metadata json NOT NULL,
    from_pending boolean NOT NULL,
    hold text,
    balance_transaction text,
    failure_balance_transaction text,
    failure_reason text,
    key text,
    request_id text,
    evidence text,
    PRIMARY KEY (book_id, id),
    UNIQUE (book_id, account, seq),
    CHECK (amount > 0),
    CHECK (state IN (
        'waiting', 'sending', 'unknown', 'accepted', 'provisional', 'succeeded', 'failed'
    ))
) WITH (fillfactor = 60);
CREATE INDEX refunds_by_charge ON nostro.refunds (book_id, charge);
CREATE INDEX refunds_due ON nostro.refunds (book_id, lease_until)
WHERE state IN ('waiting', 'sending', 'unknown', 'accepted', 'provisional');

-- room: payment_methods
CREATE TABLE nostro.payment_methods (
    book_id integer NOT NULL,
    seq bigint NOT NULL,
    id text NOT NULL,
    account text NOT NULL,
    card json NOT NULL,
    card_token text NOT NULL,
    created_ms bigint NOT NULL,
    live boolean NOT NULL,
    billing json NOT NULL,
    checks json NOT NULL,
    metadata json NOT NULL,
    customer text,
    allow_redisplay text NOT NULL,
    PRIMARY KEY (book_id, id),
    UNIQUE (book_id, account, seq)
);
CREATE INDEX payment_methods_by_customer ON nostro.payment_methods (book_id, customer)
WHERE customer IS NOT NULL;

-- room: customers
CREATE TABLE nostro.customers (
    book_id integer NOT NULL,
    seq bigint NOT NULL,
    id text NOT NULL,
    account text NOT NULL,
    created_ms bigint NOT NULL,
    live boolean NOT NULL,
    name text,
    email text,
    phone text,
    description text,
    address json,
    shipping json,
    metadata json NOT NULL,
    default_payment_method text,
    preferred_locales json NOT NULL,
    tax_exempt text NOT NULL,
    invoice_prefix text NOT NULL,
    deleted boolean NOT NULL,
    PRIMARY KEY (book_id, id),
    UNIQUE (book_id, account, seq)
);

-- room: balances
CREATE TABLE nostro.balance_transactions (
    book_id integer NOT NULL,
    seq bigint NOT NULL,
    id text NOT NULL,
    account text NOT NULL,
    type text NOT NULL,
    reporting_category text NOT NULL,
    amount bigint NOT NULL,
    fee bigint NOT NULL,
    currency text NOT NULL,
    available_on bigint NOT NULL,
    source text NOT NULL,
    created_ms bigint NOT NULL,
    description text,
    PRIMARY KEY (book_id, id),
    UNIQUE (book_id, account, seq),
    CHECK (fee >= 0)
);
CREATE INDEX balance_transactions_by_source ON nostro.balance_transactions (book_id, source);

-- room: balances
CREATE TABLE nostro.available_days (
    book_id integer NOT NULL,
    id text NOT NULL,
    account text NOT NULL,
    currency text NOT NULL,
    available_on bigint NOT NULL,
    net bigint NOT NULL,
    released boolean NOT NULL,
    PRIMARY KEY (book_id, id),
    UNIQUE (book_id, account, currency, available_on)
) WITH (fillfactor = 60);
CREATE INDEX available_days_due ON nostro.available_days (book_id, available_on) WHERE NOT released;

-- room: events
CREATE TABLE nostro.events (
    book_id integer NOT NULL,
    seq bigint NOT NULL,
    id text NOT NULL,
    account text NOT NULL,
    type text NOT NULL,
    created_ms bigint NOT NULL,
    live boolean NOT NULL,
    snapshot text NOT NULL,
    previous text,
    request_id text,
    key text,
    PRIMARY KEY (book_id, id),
    UNIQUE (book_id, account, seq)
);

-- room: events
CREATE TABLE nostro.webhook_endpoints (
    book_id integer NOT NULL,
    seq bigint NOT NULL,
    id text NOT NULL,
    account text NOT NULL,
    url text NOT NULL,
    enabled_events json NOT NULL,
    created_ms bigint NOT NULL,
    live boolean NOT NULL,
    secret text NOT NULL,
    description text,
    api_version text,
    status text NOT NULL,
    metadata json NOT NULL,
    deleted boolean NOT NULL,
    PRIMARY KEY (book_id, id),
    UNIQUE (book_id, account, seq)
);

-- room: events
CREATE TABLE nostro.webhook_deliveries (
    book_id integer NOT NULL,
    id text NOT NULL,
    endpoint text NOT NULL,
    event text NOT NULL,
    event_seq bigint NOT NULL,
    attempts bigint NOT NULL,
    due_at bigint NOT NULL,
    state text NOT NULL,
    last_error text NOT NULL,
    PRIMARY KEY (book_id, id),
    CHECK (state IN ('due', 'delivered', 'given_up'))
);
CREATE INDEX webhook_deliveries_due ON nostro.webhook_deliveries (book_id, due_at) WHERE state = 'due';

-- room: events
-- How far each endpoint has heard the book; written by the worker that holds the book's lease.
CREATE TABLE nostro.webhook_cursors (
    book_id integer NOT NULL,
    endpoint text NOT NULL,
    seq bigint NOT NULL,
    PRIMARY KEY (book_id, endpoint)
);

-- room: work
-- Who works a book: one named instance, until `until_ms` of system time.
CREATE TABLE nostro.leases (
    book_id integer NOT NULL,
    duty text NOT NULL,
    holder text NOT NULL,
    until_ms bigint NOT NULL,
    PRIMARY KEY (book_id, duty)
) WITH (fillfactor = 10);

-- Events and balance transactions are written once; keys and leases may be forgotten.
GRANT SELECT, INSERT ON nostro.events, nostro.balance_transactions TO nostro_app;
GRANT SELECT, INSERT, UPDATE ON
nostro.idempotency_keys, nostro.payment_intents, nostro.payment_attempts, nostro.charges,
nostro.refunds, nostro.payment_methods, nostro.customers, nostro.available_days,
nostro.webhook_endpoints, nostro.webhook_deliveries, nostro.webhook_cursors, nostro.leases
TO nostro_app;
GRANT DELETE ON nostro.idempotency_keys, nostro.webhook_cursors, nostro.leases TO nostro_app;
