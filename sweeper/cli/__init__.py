"""What a user types: the sweep's command line, the other commands, and the errors they print."""
