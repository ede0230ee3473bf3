"""How a sweep is shown: terminal, progress, files, plots and the HTML page."""
