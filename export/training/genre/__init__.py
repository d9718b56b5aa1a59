"""The genre recipe: labelled mel pictures in, ``genre_vit``'s ONNX file and its figures out.

``python -m export.training.genre --help`` runs it. Two branches look at a clip: ``covariance`` (how
bands, onsets and harmonics move together over the whole clip, read out linearly) and ``network`` (a
compact convolutional transformer on short crops); ``graph`` fuses both into one graph.
"""
