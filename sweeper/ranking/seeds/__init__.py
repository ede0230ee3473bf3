"""What repeats say beyond the leader: looks at candidates, the gain over the default configuration, effects of levels."""
