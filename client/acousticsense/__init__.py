"""What an app needs besides HTTP to use AcousticSense."""

from acousticsense.webhooks import VerificationError, verify_webhook

__all__ = ["VerificationError", "verify_webhook"]
