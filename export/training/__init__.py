"""The recipes that make the bundled weights, and their evaluation."""
