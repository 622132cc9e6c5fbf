"""Which of a user's sessions belong together, and why."""
