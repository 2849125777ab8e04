"""The append-only event log: codec, Merkle tree, stores, command handler, verification."""
