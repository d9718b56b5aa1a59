"""Images: one Dockerfile, and the locked packages of each."""
