"""How good the bundled models are, measured on what Triton answers."""

from pathlib import Path

PICTURES = Path(".cache/evaluation")
"""Where evaluations put their pictures."""
