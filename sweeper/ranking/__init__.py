"""The leaderboard, what may be said about it, and the sentences that say it."""
