"""From a problem to a schedule: rules, the exact optimum, allocation to chargers, and an independent check."""
