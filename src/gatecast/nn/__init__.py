"""The engine: many recurrent networks of one shape, trained by one compiled program."""
