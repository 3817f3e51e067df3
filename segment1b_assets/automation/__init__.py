"""How runs are started: jobs, schedules, sensors, the run coordinator, commands."""
