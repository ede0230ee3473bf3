"""`sweep.seeds=auto`: what it refuses, who is a candidate, and the looks."""
