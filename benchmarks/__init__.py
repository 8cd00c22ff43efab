"""Speed, measured by commands and never by tests: ratios side by side in one run."""
