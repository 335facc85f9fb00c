"""What a user may choose: networks, trainings, experiments; as Python, flags and TOML."""
