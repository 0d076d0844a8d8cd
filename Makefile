# evidence-pack. Everything runs in .venv, which the first target sets up by itself.
# make help lists the targets.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# The JAX path: packages of its own, which do not share an environment with PyTorch's.
VENV_JAX ?= .venv-jax
JAX_PYTHON := $(VENV_JAX)/bin/python
PIP := $(BIN)/python -m pip --disable-pip-version-check
MILESTONE ?= M43
# Another torch build (CUDA, nightly): make evidence TORCH_INDEX=https://…/whl/cu130
TORCH_INDEX ?=
TORCH ?= torch>=2.13,<2.14
T ?= tests
SIZE ?= full
SMALL := $(if $(filter small,$(SIZE)),--small)

VERIFIER := evidence.verification evidence.encoding.digest evidence.pack.journal evidence.encoding.jsonio
LOWEST := build/lowest
TOOLS := build/tools
QUICK := tests/verification tests/recording/test_forged.py tests/recording/test_within.py tests/self_test/test_programs.py tests/packs tests/origin tests/prose tests/encoding tests/stages

.DEFAULT_GOAL := help
.PHONY: help evidence jax browser verify render test test-jax test-all test-lowest test-tools lint reformat data golden approve coverage mutants faults fuzz bench bench-growth bench-gpu clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

evidence: $(VENV)/.runtime ## Run a milestone and leave a sealed pack: make evidence MILESTONE=M43 [AGAIN=1] [SET="train.seed=7"]
	@$(BIN)/evidence run $(MILESTONE) $(if $(AGAIN),--again) $(foreach one,$(SET),--set $(one))

jax: ## Prepare the JAX path in .venv-jax (minutes, once): evidence run M43 --attempt jax-stand-in
	@test ! -e $(VENV_JAX)/.ready || $(JAX_PYTHON) -P -m evidence.backends.tunix_ready --quick "$(CURDIR)" 2>/dev/null || rm -f $(VENV_JAX)/.ready
	@$(MAKE) -s --no-print-directory $(VENV_JAX)/.ready
	@echo "$(JAX_PYTHON) is ready"

verify: $(VENV)/.runtime ## Check every pack below runs/
	@$(BIN)/evidence verify runs

render: $(VENV)/.runtime ## Regenerate the summaries of all packs below runs/
	@$(BIN)/evidence render

test: lint ## Lint, type-check, and run the quick tests (minutes): make test T=tests/verification
	@$(BIN)/python -m pytest -n auto $(T)

test-all: lint ## Lint, the tests of both tiers, all faults, other people's tools: before a release
	@$(BIN)/python -m pytest -n auto -m 'not exhaustive' tests
	@$(MAKE) --no-print-directory faults
	@$(MAKE) --no-print-directory test-tools

# Workers run under $(JAX_PYTHON), tests under $(BIN)/python; without JAX this fails, and `make test`
# leaves these tests out.
test-jax: $(VENV)/.develop jax ## The tests of the JAX path (marker jax), which needs `make jax`'s environment
	@EVIDENCE_JAX_PYTHON="$(abspath $(VENV_JAX))/bin/python" $(BIN)/python -m pytest -n auto -m 'jax and not full and not exhaustive' $(T)

# The browser itself is the system's: apt-get install chromium. Without, these tests skip and say so.
browser: $(VENV)/.develop ## What the tests of the report in a browser need, and of SARIF: playwright, axe-core, html-validate, sarif-multitool
	@$(PIP) install --quiet -e '.[browser]' -c constraints.txt
	@npm install --silent --no-fund --no-audit --prefix build/browser axe-core@4.14.1 html-validate@10.17.0 @microsoft/sarif-multitool@5.7.0

# In an environment of its own, kept in build/lowest: pip has no option for the lowest versions, so
# that the floors of pyproject.toml become constraints. What it does not name comes as pip likes it.
test-lowest: ## Run the tests with the oldest versions that pyproject.toml allows: make test-lowest T=tests/packs
	@test -x $(LOWEST)/bin/python || $(PYTHON) -m venv $(LOWEST)
	@$(LOWEST)/bin/python tests/floors.py > $(LOWEST)/constraints.txt
	@$(LOWEST)/bin/python -m pip --disable-pip-version-check install --quiet -e '.[torch,data,lora,quantised,export,trackers,dev]' -c $(LOWEST)/constraints.txt
	@$(LOWEST)/bin/python -m pytest -n auto $(T)

# In an environment of its own, kept in build/tools, without constraints: some of these tools want
# older packages than those that we run with.
test-tools: ## The tests that ask other people's tools: validators of exports, pre-commit, TRL (minutes)
	@test -x $(TOOLS)/bin/python || $(PYTHON) -m venv $(TOOLS)
	@$(TOOLS)/bin/python -m pip --disable-pip-version-check install --quiet "$(TORCH)" -e '.[torch,data,lora,export,trackers,dev,tools]'
	@PATH="$(CURDIR)/$(TOOLS)/bin:$$PATH" $(TOOLS)/bin/python -m pytest -n auto -rs tests/ci tests/export tests/chat/test_against_trl.py

lint: $(VENV)/.develop ## ruff, mypy (linux, darwin, win32) and the import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@for platform in linux darwin win32; do $(BIN)/mypy --no-error-summary --platform $$platform || exit 1; done
	@$(BIN)/lint-imports --no-logo --no-cache

reformat: $(VENV)/.develop ## Let ruff fix and format everything
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format .

data: $(VENV)/.runtime ## Rewrite the project's own data set, evaluation set and tokenizer
	@$(BIN)/python milestones/data/generate.py
	@$(BIN)/python milestones/models/train_tokenizer.py

approve: $(VENV)/.develop ## Write down what verify says of every case and forgery: read the change before you commit it
	@PYTHONPATH=.:tests:tests/verification $(BIN)/python -m packs.approved

golden: $(VENV)/.develop ## Write the packs that tests keep of this version: make golden VERSION=v1
	@PYTHONPATH=.:tests:tests/verification $(BIN)/python tests/packs/make_golden.py $(VERSION)

fuzz: $(VENV)/.develop ## Verify 100,000 mutated packs, and every bit of the smallest: make fuzz COUNT=500
	@PYTHONPATH=tests:tests/verification $(BIN)/python -m tests.fuzz.campaign --first $(or $(FIRST),0) --count $(or $(COUNT),100000)
	@$(if $(FIRST)$(COUNT),,$(BIN)/python -m pytest -m exhaustive tests/verification)

coverage: $(VENV)/.develop ## Every branch of what verifies is taken by a quick test, or this fails
	@$(BIN)/python -m pytest -n auto -m 'not full and not exhaustive and not torch' $(QUICK) --cov-branch \
		$(VERIFIER:%=--cov=%) --cov-report=term-missing:skip-covered --cov-fail-under=100

mutants: $(VENV)/.develop ## Change what verifies in 315 small ways and count what the tests notice: make mutants SEED=46
	@PYTHONPATH=tests:tests/verification $(BIN)/python -m tests.mutants.campaign $(if $(SEED),--seed $(SEED))

faults: $(VENV)/.develop ## Kill, starve and cut off runs at every point, with the real stand-in too (half an hour)
	@$(BIN)/python -m pytest -n auto -m exhaustive tests/faults tests/running

bench: $(VENV)/.develop ## Measure start-up, verify, sealing, training against yardsticks: make bench SIZE=small
	@for name in startup weights files many catalogue elsewhere rows capture redacting auditing training recording instrumenting; do echo; $(BIN)/python benchmarks/$$name.py $(SMALL) || exit 1; done
	@PYTHONPATH=tests:tests/verification:.:benchmarks $(BIN)/python -P benchmarks/limits.py

bench-growth: $(VENV)/.develop ## Measure that cost grows as the work does, as far as the disk allows (SIZE=small too)
	@$(BIN)/python benchmarks/growth.py $(SMALL)

bench-gpu: $(VENV)/.develop ## Measure the rehearsal of M43 at full size; refuses, with the reason, without a GPU
	@$(BIN)/python benchmarks/gpu.py

clean: ## Remove the virtual environment and caches, never runs/
	rm -rf $(VENV) $(VENV_JAX) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "evidence-pack needs Python 3.11 or newer: make PYTHON=python3.11 …"; exit 1; }
	@echo "setting up $(VENV) (once; PyTorch is the largest part)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.torch: $(VENV)/bin/python
	@$(PIP) install --quiet $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) "$(TORCH)" $(if $(TORCH_INDEX),,-c constraints.txt)
	@touch $@

$(VENV)/.runtime: $(VENV)/.torch pyproject.toml constraints.txt
	@$(PIP) install --quiet -e '.[torch]' $(if $(TORCH_INDEX),,-c constraints.txt)
	@touch $@

$(VENV)/.develop: $(VENV)/.runtime
	@$(PIP) install --quiet -e '.[torch,data,lora,quantised,export,trackers,dev]' $(if $(TORCH_INDEX),,-c constraints.txt)
	@touch $@

define NO_JAX

The JAX path cannot be installed here; above is what pip says. It needs
  - a package index (a network, or PIP_INDEX_URL and PIP_FIND_LINKS) and 1.6 GB of disk
  - Python 3.11 to 3.13, for which its packages are built: make jax PYTHON=python3.12
  - Linux or WSL2, or macOS on Apple silicon; on Windows itself `evidence run` does not work
Everything else works without it.
endef
export NO_JAX

$(VENV_JAX)/.ready: pyproject.toml constraints-jax.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "the JAX path needs Python 3.11 or newer: make jax PYTHON=python3.12"; exit 1; }
	@echo "preparing the JAX path in $(VENV_JAX) (JAX, Flax, Optax, google-tunix and what they need; minutes, once)"
	@$(JAX_PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV_JAX)
	@$(JAX_PYTHON) -m pip --disable-pip-version-check install --quiet -e '.[jax]' -c constraints-jax.txt || { echo "$$NO_JAX" >&2; exit 1; }
	@$(JAX_PYTHON) -P -m evidence.backends.tunix_ready
	@touch $@
