"""What repeats say beyond a number of seeds: looks at candidates, and the gain over the default configuration."""
