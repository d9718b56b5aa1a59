"""The recipe of the bundled chorus model: MIDI songs → renders → features → network → ONNX.

``python -m export.training.chorus --help`` runs it from end to end.
"""
