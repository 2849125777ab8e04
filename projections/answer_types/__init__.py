"""The shape of every answer of the server, written once, by noun.

The OpenAPI document, the reference pages and the Python client's types are made from these classes. The client's copy is
generated: run `python -m tools.client_answers` after a change. A key that may be missing is `NotRequired`; one that may
be null has a type that includes null.

Annotations are evaluated here (no `from __future__ import annotations`): otherwise Python 3.11 takes every key for
required.
"""
