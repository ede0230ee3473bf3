"""What Python code calls: sweeps started from a script or notebook, and sweeps read back as DataFrames."""
