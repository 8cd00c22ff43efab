"""One file for each provider: verify a request, say it in our words."""
