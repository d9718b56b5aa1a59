"""Genre classifiers from elsewhere: a vision transformer's checkpoint to three Triton models.

checkpoint   Hugging Face folders and hub names, torchvision state dicts → :class:`Checkpoint`
graph        network, normalisation, softmax and the average over windows → ONNX
export       the command: load, convert, prove, write
"""
