"""HTTP/1.1 below the application: limits, deadlines, and refusals in the wire's shape."""
