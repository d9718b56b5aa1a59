"""Webhooks: a body that never changes, signed anew for each attempt to deliver it.

Sender           one attempt: sign, dial, judge the answer
├── signature    the headers by which a receiver knows us
├── SecretBox    secrets at rest
├── schedule     when the next attempt is due
└── attempts     the log of attempts, and which may begin now
"""
