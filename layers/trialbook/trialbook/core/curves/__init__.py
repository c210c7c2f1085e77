"""How a job learned: its metrics step by step, how busy its machines were, and the end of its log."""
