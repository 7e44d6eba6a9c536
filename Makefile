# `make` explains. Every target sets up what it needs; nothing outside this folder is used but Python, make and the packages in the lock.
SHELL := /bin/bash
PYTHON ?=
UV_VERSION := 0.13.9
bin := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup demo month test check bench lock clean

help: ## this text
	@echo 'Evloom: electric-vehicle charging as one closed loop. Targets:'
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'
	@echo 'The first one that you run makes .venv (a minute or two); PYTHON=/path/to/python3.12 chooses the Python it is made from.'

setup: ## make .venv from the committed lock, with the command .venv/bin/evloom (does nothing when up to date)
	@PYTHON='$(PYTHON)' bash tools/setup.sh

demo: setup ## a community garage before and after, then live: 30 piles over real OCPP, console in the browser
	@mkdir -p out
	$(bin)/python -m tools.demo

month: setup ## a month of real charging sessions on one site, disorderly and orderly; writes out/month.html
	@mkdir -p out
	$(bin)/evloom simulate examples/workplace-month/scenario.toml --report out/month.html --json out/month.json

# Servers and their clients get the machine for themselves; the other tests share its cores.
test: setup ## all tests
	$(bin)/python -m pytest tests/system
	$(bin)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile tests/docs tests/property tests/unit

check: setup ## format, lint, types, imports, units, sizes, tidiness (under a minute)
	@$(bin)/python -m tools.check

bench: setup ## speed with the quality beside it; python -m tools.bench serve is the platform alone
	$(bin)/python -m tools.bench

lock: ## choose package versions anew and write both locks (needs the network)
	@PYTHON='$(PYTHON)' UV_VERSION='$(UV_VERSION)' bash tools/lock.sh

clean: ## remove .venv, caches and outputs
	rm -rf .venv build dist out .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find src tools tests -name __pycache__ -type d -prune -exec rm -rf {} +
