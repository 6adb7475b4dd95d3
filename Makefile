# Everything a developer or an operator types; `make` alone lists it.
# Paths are relative on purpose: make cannot follow a checkout whose path has spaces.

PYTHON ?= $(shell sh deploy/find-python)
VENV := .venv/bin
WORKERS ?= 2
COMPILE = $(VENV)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --no-header

.DEFAULT_GOAL := help
.PHONY: help install run test lint format openapi requirements

help:  ## List the targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 22

install: .venv/installed  ## Create .venv with everything, development tools included

.venv/installed: requirements/dev.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer with its venv module is needed; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@$(VENV)/python -c pass 2>/dev/null || "$(PYTHON)" -m venv --clear .venv
	@echo "Installing the requirements into .venv"
	@$(VENV)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

run: install  ## Run the whole product; ARGS="--port 9000 --no-demo"
	@$(VENV)/python manage.py up $(ARGS)

test: install  ## Run every test on PostgreSQL and Redis of their own; ARGS="-k words"
	$(VENV)/python -m pytest -n $(WORKERS) --dist loadgroup $(ARGS)

lint: install  ## Check style, types, layering, templates, migrations, the API's description and the containers
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/mypy .
	$(VENV)/lint-imports
	$(VENV)/djlint --quiet --lint templates
	$(VENV)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	$(VENV)/python manage.py spectacular --validate --fail-on-warn | diff -u openapi.yaml - \
		|| { echo "The API and openapi.yaml differ: run make openapi and look at the change." >&2; exit 1; }
	$(VENV)/yamllint --strict docker-compose.yml

format: install  ## Put code and templates into the common form
	$(VENV)/ruff check --fix .
	$(VENV)/ruff format .

openapi: install  ## Write the description of the API anew
	$(VENV)/python manage.py spectacular --validate --fail-on-warn --file openapi.yaml

requirements: install  ## Resolve the requirements anew; ARGS=--upgrade for newer versions
	$(COMPILE) $(ARGS) requirements/dev.in -o requirements/dev.txt
	$(COMPILE) $(ARGS) -c requirements/dev.txt requirements/base.in -o requirements/base.txt
	$(COMPILE) $(ARGS) -c requirements/dev.txt requirements/prediction.in -o requirements/prediction.txt
