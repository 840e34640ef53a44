"""What runs on a laptop or at build time, never in a function."""
