"""Bad input as code: functions that spoil one file of a tiny world, and what must come of each."""
