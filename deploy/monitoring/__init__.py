"""What a deployment is watched with: Prometheus rules, and a dashboard that is made here."""
