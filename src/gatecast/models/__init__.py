"""What forecasts: networks, baselines, and the one place that trains them."""
