"""What trading on a run's forecasts would have earned, after costs, and how much of that is luck."""
