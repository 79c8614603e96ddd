# Two commands: `make demo` and `make test`. Everything stays inside this folder, but caches.
PYTHON ?= python3
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
STAMP := $(VENV)/.installed
export PATH := $(BIN):$(PATH)
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-down test lint sanity unit contract molecule bench clean

help: ## what there is
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(STAMP) ## the virtual environment and the collection's link
$(STAMP): requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0] + ": make PYTHON=python3.11 …")'
	@echo "Making the virtual environment $(VENV), this takes a minute or two"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install -qq --disable-pip-version-check -r requirements-dev.txt
	@test -e collections/ansible_collections/slipway/aws/galaxy.yml || (mkdir -p collections/ansible_collections/slipway && ln -sfn ../../.. collections/ansible_collections/slipway/aws)
	@touch $(STAMP)

demo: setup ## the example stacks on the embedded AWS
	@ansible-playbook playbooks/local_cloud.yml -i inventories/local
	@ansible-playbook site.yml -i inventories/local
	@echo "The embedded AWS keeps running:  . .local/aws.env && aws ecs list-clusters     End it:  make demo-down"

demo-down: setup ## end what `make demo` started
	@$(BIN)/python extensions/local_cloud/launcher.py stop --directory .local

test: setup ## everything that can be tested here
	@tests/run

lint: setup ## ruff, mypy, yamllint, ansible-lint, codespell
	@tests/lint

sanity: setup ## ansible-test sanity
	@tests/sanity/run

unit: setup ## unit tests, modules against the embedded AWS included
	@$(BIN)/python -m pytest -q -n 2 --dist loadgroup tests/unit tests/local_cloud

contract: setup ## interfaces agree: argument specs, defaults, READMEs, inventories
	@$(BIN)/python -m pytest -q tests/contract

molecule: setup ## every role against the embedded AWS
	@tests/molecule

bench: setup ## seconds, CPU, API calls and tasks of a first, a second and a check run
	@$(BIN)/python tests/bench/bench.py

clean: demo-down ## what tests and builds left behind
	@rm -rf .cache .ansible .mypy_cache .ruff_cache .pytest_cache build
