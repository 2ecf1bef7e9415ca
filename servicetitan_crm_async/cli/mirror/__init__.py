"""What is done with a mirror and shown of it: sync, status, audit, report."""
