-- What the reader may not see besides card data: the hashes of API keys and the seals of webhook secrets.
-- The application's own grants are repeated: where one role does everything, it is also the reader.

REVOKE SELECT ON nostro.api_keys, nostro.webhook_endpoints FROM nostro_read_only;
GRANT SELECT (id, account, live, prefix, last4, created_ms, revoked_ms)
ON nostro.api_keys TO nostro_read_only;
GRANT SELECT (
    book_id, seq, id, account, url, enabled_events, created_ms, live,
    description, api_version, status, metadata, deleted
) ON nostro.webhook_endpoints TO nostro_read_only;
GRANT SELECT ON nostro.api_keys, nostro.webhook_endpoints TO nostro_app;
