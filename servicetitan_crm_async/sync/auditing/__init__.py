"""Whether a mirror holds what the service shows, told by counts and, where they differ, by records."""
