# The commands of the house. `make` alone lists them.
SHELL := /bin/bash
PYTHON ?= python3
PORT ?= 5000
SECONDS ?= 600
RUN ?= ensemble
PY := .venv/bin/python
# Stages are started as `python -m pipeline...`: the environment's python must be the first that is found.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export MLFLOW_DISABLE_TELEMETRY := true
# Some containers forbid compiled modules, without which `make quick` takes 100 s instead of 70.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup repro doctor quick test slow faults lint schema ui serve bench clusters lock

help:  ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

setup:  ## make .venv from requirements.lock, with the command s2s; TORCH_INDEX=URL takes torch from a package index of your choice
	@if ! cmp -s requirements.lock .venv/installed.lock || [ "$${TORCH_INDEX:-}" != "" -a "$${TORCH_INDEX:-}" != "$$(cat .venv/torch-index 2>/dev/null)" ]; then \
	  set -e; \
	  "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make setup PYTHON=python3.11")'; \
	  [ -x $(PY) ] || "$(PYTHON)" -m venv .venv; \
	  rm -f .venv/installed.lock; \
	  $(PY) -m pip install --quiet $${TORCH_INDEX:+--force-reinstall --index-url "$$TORCH_INDEX"} "$$(grep '^torch==' requirements.lock)"; \
	  $(PY) -m pip install --quiet --requirement requirements.lock; \
	  $(PY) -m pip install --quiet --no-deps --no-build-isolation --editable .; \
	  printf '%s' "$${TORCH_INDEX:-}" > .venv/torch-index; \
	  cp requirements.lock .venv/installed.lock; \
	fi
	@[ -e .git ] || grep -qs no_scm .dvc/config.local || $(PY) -m dvc config --local core.no_scm true

repro: setup  ## run the whole pipeline and print the headline numbers
	@$(PY) -m pipeline.commands.doctor.quick
	@$(PY) -m pipeline check
	@$(PY) -m dvc repro
	@$(PY) -m pipeline track --seconds 30 > /dev/null || true
	@$(PY) -m pipeline summary

doctor: setup  ## find damaged files, stale locks and leftovers of killed runs, and mend them
	@$(PY) -m pipeline doctor

quick: lint  ## lint, types and unit tests: before each commit
	OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 --dist loadfile -m unit

test: lint  ## lint, types and all tests but the slow
	# By file, because the tests of a file share what its fixtures ran, in the order of tests/conftest.py.
	OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow"

slow: setup  ## the tests that train for minutes
	$(PY) -m pytest -m slow

faults: setup  ## kill, damage, starve and double the pipeline for SECONDS, and print what was held
	$(PY) -m tests.faults --seconds $(SECONDS)

lint: setup  ## style, spelling and types
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	.venv/bin/codespell
	$(PY) -m mypy

schema: setup  ## write params.schema.json, by which editors complete and check params.yaml
	$(PY) -m pipeline schema

ui: setup  ## open MLflow's pages on what was run, at http://localhost:PORT
	$(PY) -m mlflow ui --backend-store-uri "$${MLFLOW_TRACKING_URI:-sqlite:///mlflow.db}" --port $(PORT)

serve: setup  ## answer requests with the package of RUN (python -m pipeline.serving.package --run RUN), at http://localhost:5001
	$(PY) -m mlflow models serve --model-uri packages/$(RUN) --env-manager local --port 5001

bench: setup  ## measure speed on this machine
	$(PY) -m bench.train
	$(PY) -m bench.data --pairs 100000

clusters: setup  ## add Snakemake's executor plugins for SLURM and Kubernetes (docs/clusters.md)
	$(PY) -m pip install --quiet --constraint requirements.lock --requirement requirements-clusters.lock

lock:  ## write requirements.lock anew from requirements.in
	rm -rf .venv/lock && "$(PYTHON)" -m venv .venv/lock
	.venv/lock/bin/python -m pip install --quiet --requirement requirements.in
	{ head -n 1 requirements.lock; .venv/lock/bin/python -m pip freeze | sed 's/^\(torch==[^+]*\)+.*/\1/'; } > requirements.new
	mv requirements.new requirements.lock && rm -rf .venv/lock
