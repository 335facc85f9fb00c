"""What users call: functions and classes."""
