"""What is sent to webhooks: the log that people see, and the worker's side."""
