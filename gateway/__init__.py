"""The front door: protocols, identities, limits and errors. It knows nothing about spectra."""
