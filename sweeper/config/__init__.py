"""The configuration: its schema, its keys, and the identity of a trial."""
