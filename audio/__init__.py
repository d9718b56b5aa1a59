"""Pure signal code: bytes to samples, samples to spectra, curves to segments. NumPy in and out."""
