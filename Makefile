# AcousticSense, from a machine that has Python 3.11 and nothing else.

PYTHON ?= python3.11
# pyenv and containers name it otherwise
ifeq ($(shell command -v $(PYTHON)),)
PYTHON := python3
endif

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
DATA ?= ../shared/data

.DEFAULT_GOAL := help
.PHONY: help serve test test-compose test-keras lint lint-deploy bench fuzz chaos secrets docs song train-chorus train-genre evaluate lock clean

help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

serve: $(VENV)/.serving out/song.mp3 ## Start Triton and the gateway; Ctrl-C stops them (V=1 shows Triton's log)
	@exec $(BIN)/python -m deploy.embedded $(if $(V),--verbose)

# Two workers for two cores: more threads would only wait for one another, spinning.
test: $(VENV)/.testing ## Run every test
	$(BIN)/lint-imports --no-cache
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

test-keras: $(VENV)/.testing $(VENV)-keras/.ready ## Hold DeepChorus against Keras (TensorFlow, apart), and ten minutes against 4 GB
	KERAS_PYTHON=$(abspath $(VENV)-keras)/bin/python $(BIN)/python -m pytest -m slow tests/export/chorus

lint: $(VENV)/.testing ## Mend formatting, then check style, types and imports
	$(BIN)/ruff format
	$(BIN)/ruff check --fix
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: $(VENV)/.testing ## Measure speed and memory, side by side, and print the tables
	$(BIN)/python -m benchmarks

fuzz: $(VENV)/.testing ## Damage audio files 10,000 times and decode them (SEED=1)
	$(BIN)/python -m tests.audio.fuzz --cases 10000 --seed $(or $(SEED),1)

chaos: $(VENV)/.testing ## Kill the gateway, Triton and the database 1,000 times (KILLS=1000, SEED=1)
	$(BIN)/python -m tests.chaos --kills $(or $(KILLS),1000) --seed $(or $(SEED),1)

docs: $(VENV)/.testing ## Build the documentation as a site, in build/site
	$(BIN)/mkdocs build --strict

test-compose: $(VENV)/.testing ## Build the images, bring all up, kill each container in turn (minutes; needs Docker, root)
	$(BIN)/python -m pytest tests/deploy/compose_for_real.py

lint-deploy: ## Have checkov look at the images and manifests (needs kubectl)
	@test -x $(VENV)-checkov/bin/checkov || { $(PYTHON) -m venv $(VENV)-checkov && $(VENV)-checkov/bin/pip install -q 'checkov>=3.3,<4'; }
	@mkdir -p out/manifests && cp deploy/docker/Dockerfile out/manifests/
	@for overlay in cpu gpu dev; do kubectl kustomize deploy/kubernetes/overlays/$$overlay > out/manifests/$$overlay.yaml || exit 1; done
	$(VENV)-checkov/bin/checkov --directory out/manifests --config-file deploy/checkov.yaml

secrets: $(VENV)/.serving ## Make a deployment's secrets below secrets/, for Kubernetes
	@$(BIN)/python -m deploy.new_secrets secrets

song: out/song.mp3 ## Make the sample song

out/song.mp3: deploy/embedded/sample_song.py | $(VENV)/.serving
	@$(BIN)/python -m deploy.embedded.sample_song $@

train-chorus: $(VENV)/.testing ## Train, export and evaluate the chorus network (hours; needs fluidsynth)
	$(BIN)/python -m export.training.chorus --data $(DATA)

train-genre: $(VENV)/.testing ## Train, export and evaluate the genre network (hours)
	$(BIN)/python -m export.training.genre --data $(DATA)

evaluate: $(VENV)/.testing ## Evaluate the bundled models as a running `make serve` serves them
	$(BIN)/python -m export.training.evaluate all --data $(DATA)

lock: ## Pin anew every version that the extras admit
	rm -rf $(VENV)-lock && $(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/pip install -q -e '.[serving,export,dev]'
	$(VENV)-lock/bin/pip freeze --exclude-editable | sed 's/+cpu$$//' > requirements.lock
	$(VENV)-lock/bin/python -m deploy.docker.lock
	rm -rf $(VENV)-lock

clean: ## Remove everything that was made here
	rm -rf $(VENV) $(VENV)-checkov $(VENV)-keras .cache out build *.egg-info

# The lock file holds versions of everything; the extras say which of them are installed.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
		|| { echo "AcousticSense needs Python 3.11: set PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
		|| { echo "Python's venv module is missing (Debian: apt-get install python3.11-venv)"; exit 1; }

$(VENV)/.serving: pyproject.toml requirements.lock | $(BIN)/python
	@echo "Installing what serving needs (once, about a minute) …"
	@$(PIP) install -q -c requirements.lock -e '.[serving]'
	@touch $@

$(VENV)/.testing: client/pyproject.toml $(VENV)/.serving
	@echo "Installing what tests need (once, about a minute) …"
	@$(PIP) install -q -c requirements.lock -e '.[serving,export,dev]' -e client
	@touch $@

$(VENV)-keras/.ready: pyproject.toml | $(BIN)/python
	@echo "Installing TensorFlow (once, about two minutes) …"
	@$(PYTHON) -m venv $(VENV)-keras
	@$(VENV)-keras/bin/python -m pip --disable-pip-version-check install -q -e '.[keras]'
	@touch $@
