"""How AcousticSense is run: on a bare machine (``embedded``), in containers, on Kubernetes."""
