"""Servers that a stranger would write: what the write path is measured against. Each serves `POST /decisions`."""
