"""What a job is: its states, its data and its ways to fail. Pure: no framework, no I/O."""
