"""One alert for each problem; reminders until it ends or is acknowledged."""
