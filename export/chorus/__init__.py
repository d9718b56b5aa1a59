"""Chorus networks from elsewhere: a checkpoint to four Triton models.

keras_file   DeepChorus' Keras weights (``.h5``) → its network in PyTorch
deepchorus   that network, after the paper
recipe_files what ``export.training.chorus`` leaves → our own network
graph        either of them → ONNX
export       the command: load, convert, prove, write
"""
