"""The log: codec, application, recorders, Merkle tree, directory of people."""
