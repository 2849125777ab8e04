"""Fuzzing of the HTTP interface: Schemathesis holds the server against its own OpenAPI document.

`python -m tests.fuzz --cases 20000` runs it. The application is called in this process, without a network, on a log in
a temporary folder that has subjects of every kind, so that a case reaches the rules behind the shapes.
"""
