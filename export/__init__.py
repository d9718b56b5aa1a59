"""Checkpoints to ONNX, proven and written into a model repository; and how ours are made."""
