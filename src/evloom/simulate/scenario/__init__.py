"""Scenario files: a site, its sessions and its prices in one TOML file."""
