"""Pictures of a sweep, one module for each plot."""
