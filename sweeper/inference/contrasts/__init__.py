"""How far configurations lie apart: the parts of a difference's variance, who is equal, what would tell them apart."""
