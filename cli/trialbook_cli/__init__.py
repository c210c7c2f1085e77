"""The command `trialbook`, and the laptop cloud that replays recordings."""
