"""Bodies as they come in: counted, bounded, decoded in blocks, never believed."""
