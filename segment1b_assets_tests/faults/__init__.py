"""Real faults: killed runs, full disks, refused renames, two runs at once; nothing is mocked."""
