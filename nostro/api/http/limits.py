"""What one connection may cost. Bytes, counts and seconds; docs/adr/0009-http-server.md has the reasons."""

URL_BYTES_MAX = 8_192
# The request line's URL and every header field; trailers count as fields of the next.
HEAD_BYTES_MAX = 65_536
HEADERS_MAX = 100
# From the head's first byte to its last, and as long for a new connection's first byte.
HEAD_SECONDS = 10.0
# From the head's end to the body's.
BODY_SECONDS = 30.0
# Between an answer and the next request.
IDLE_SECONDS = 75
# A client that is still sending when it is refused gets this long to read why.
LINGER_SECONDS = 2.0
# For answers nobody reads.
UNREAD_SECONDS = 30.0
# For the rest of a body when the server is asked to stop.
STOPPING_SECONDS = 2.0
# How often a connection looks at its deadlines.
LOOK_SECONDS = 1.0
