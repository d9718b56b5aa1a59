"""The command ``acousticsense``."""
