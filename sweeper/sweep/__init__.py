"""One sweep from its plan to its end; the main loop is in `driver`."""
