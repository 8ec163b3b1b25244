"""Private servers for tests and for the demo: everything in its own temporary
folder, on loopback, on ports nobody else has, stopped whatever happens."""
