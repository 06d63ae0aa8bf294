"""The conformance kit: one suite of scenarios that every adapter to a processor has to pass.

The adapter speaks to a real socket. Behind it stands a proxy that fails on demand, and behind that the processor that
the adapter's author brings: its sandbox, or a fake. What is judged is the value that comes back, and how often the
processor got the message. The kit knows no processor's protocol beyond HTTP/1.1.
"""
