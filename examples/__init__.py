"""Small applications to start from, each run for real by tests/integrations."""
