"""What repeats say besides who leads: looks at candidates, the gain over the default configuration, levels."""
