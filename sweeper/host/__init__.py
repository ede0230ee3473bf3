"""What the program runs in: its process, its import path, and the machine."""
