# Everything runs in .venv, made from requirements.lock; nothing else is needed.
.DEFAULT_GOAL := help
.PHONY: help demo check lint types sql test long histories year mutations kills replays faults readers servers next orchestrators spark bench growth bench-transfer drift-quality docs fixture lock clean
BIN := .venv/bin
READY := .venv/.ready
READERS := .venv/readers
NEXT := .venv/next
SERVERS := .venv/servers
SPARK := .venv/spark
UV := $(BIN)/uv
# install ENVIRONMENT, LOCK: what the lock names. project ENVIRONMENT: this folder;
# compat is a path in place of a finder, which would take 12 ms at each start.
install = $(UV) pip install --quiet --compile-bytecode --require-hashes \
	--python $(1)/bin/python --requirement $(2)
project = $(UV) pip install --quiet --no-deps --no-build-isolation \
	--config-settings editable_mode=compat --python $(1)/bin/python --editable .
# pytest: the number of worker processes
WORKERS ?= auto
# A worker takes whole files, in our order: what a file sets up is made once.
BY_FILE := --dist loadfile --no-loadscope-reorder
# demo: the size of the generated sample, or a folder of JSON files instead
ITEMS ?= 2000
DATA ?=
# bench: how many part items, and how many orders
SIZE ?= 1000000
# bench: a commit; every step is also measured beside the same step of it
BASE ?=

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 16

demo: $(READY) ## Run both feeds end to end against stand-in servers
	@BIN="$(BIN)" sh sandbox/demo.sh $(if $(DATA),--data "$(DATA)",--items $(ITEMS))

check: $(READY) ## Run all linters, and all tests but the longest
	@$(MAKE) --jobs --output-sync --no-print-directory lint types sql
	@$(MAKE) --no-print-directory test

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python .ci/words.py

types: $(READY)
	$(BIN)/mypy

sql: $(READY)
	$(BIN)/sqlfluff lint models macros analyses tests/singular

test: $(READY)
	$(BIN)/python -m pytest -n $(WORKERS) $(BY_FILE) -m "not long" --durations 25

long: $(READY) ## Run the tests that make check leaves out
	$(BIN)/python -m pytest -n $(WORKERS) $(BY_FILE) -m long

histories: $(READY) ## Run 200 histories of ten nights of both feeds (an hour)
	cd tests/python && ../../$(BIN)/python -m histories

year: $(READY) ## Run 365 nights of both feeds; show what each month costs (an hour)
	cd tests/python && ../../$(BIN)/python -m histories.year

mutations: $(READY) ## Damage a package in every known way; verify.py must notice each
	FEEDS_MUTATIONS=all $(BIN)/python -m pytest -s tests/python/test_publish_verify.py

kills: $(READY) ## Kill dbt build at every node and at random times (half an hour)
	$(BIN)/python -m pytest -s -m long tests/python/test_builds.py

replays: $(READY) ## Replay fifty runs over changing data, byte for byte (over an hour)
	$(BIN)/python -m benchmarks.replays

faults: $(READY) ## Kill publish at every point, and check what it leaves (ten minutes)
	cd tests/python && ../../$(BIN)/python -m faults

readers: $(READERS)/.heavy ## Read the samples of docs/reading with every reader (programs: CONTRIBUTING.md)
	FEEDS_REQUIRE_READERS=all $(BIN)/python -m pytest tests/python/test_readers.py

next: $(READY) $(NEXT)/.ready ## Build and publish by the next releases; compare all files (two minutes)
	FEEDS_REQUIRE_NEXT=1 $(BIN)/python -m pytest -m long tests/python/test_next.py
	$(NEXT)/bin/python -m pytest tests/python/test_monitor_drift.py
servers: $(SERVERS)/.ready ## Deliver to every server of docs/servers.yml (root; ten minutes)
	FEEDS_SERVERS=$(CURDIR)/$(SERVERS)/debian FEEDS_REQUIRE_SERVERS=all \
		$(BIN)/python -m pytest -n $(WORKERS) tests/python/test_other_servers.py

orchestrators: $(READY) .venv/airflow/.ready .venv/dagster/.ready ## Run Airflow, Dagster and the image for whole nights (ten minutes)
	FEEDS_REQUIRE_ORCHESTRATORS=1 $(BIN)/python -m pytest -m long \
		tests/python/test_orchestrators.py tests/python/test_image.py

spark: $(READY) $(SPARK)/.ready ## Build on a Spark cluster beside DuckDB, then lose a worker (an hour)
	$(BIN)/python -m benchmarks.scale

bench: $(READY) ## Measure both feeds at a million records against floors of the same run
	$(BIN)/python -m benchmarks.inventory --items $(SIZE)
	$(BIN)/python -m benchmarks.orders --orders $(SIZE)
	$(BIN)/python -m benchmarks.ledger
	$(BIN)/python -m benchmarks.why --items $(SIZE) --orders $(SIZE)
	$(BIN)/python -m benchmarks.pages --items $(SIZE)
	$(if $(BASE),$(BIN)/python -m benchmarks.baseline $(BASE) --items $(SIZE))

growth: $(READY) ## Measure each step at 1,000 to 10 million items, and draw it (40 minutes, 30 GB)
	FEEDS_MEMORY_LIMIT=2GB $(BIN)/python -m benchmarks.growth --csv growth.csv --plot docs/growth.svg

bench-transfer: $(READY) ## Measure 1 GiB over FTPS beside curl (root, .ci/servers)
	PYTHONPATH=tests/python $(BIN)/python -m benchmarks.transfer

drift-quality: $(READY) ## Spoil a history of 200 runs; count what drift reports
	$(BIN)/python -m benchmarks.drift_quality

docs: $(READY) ## Write the tables of docs/, and the samples for readers
	$(BIN)/python .ci/docs.py

fixture: $(READY) ## Write the data directory of this version that later ones must read
	sh tests/fixtures/make_data_directory.sh . tests/fixtures/data_of_$$(git rev-parse --short=7 HEAD).tar.xz

# --universal: one lock for Python 3.11 to 3.13, by markers
lock: $(READY) ## Renew the locks (needs npm)
	echo 'uv' | $(UV) pip compile --quiet --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header - --output-file .ci/uv.txt
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --no-strip-extras --extra dev \
		pyproject.toml --output-file requirements.lock
	echo 'setuptools>=80' | $(UV) pip compile --quiet --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header --no-strip-extras \
		--constraint requirements.lock --extra spark pyproject.toml - \
		--output-file requirements-spark.lock
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header \
		tests/readers/requirements.in --output-file tests/readers/requirements.lock
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --constraint tests/readers/requirements.lock \
		tests/readers/heavy.in --output-file tests/readers/heavy.lock
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-deps \
		--no-emit-index-url --no-header \
		tests/next/requirements.in --output-file tests/next/requirements.lock
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header \
		tests/servers/requirements.in --output-file tests/servers/requirements.lock
	echo 'setuptools>=80' | $(UV) pip compile --quiet --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header --no-strip-extras \
		--constraint requirements.lock pyproject.toml - \
		--output-file orchestration/requirements.lock
	for each in linters airflow dagster; do $(UV) pip compile --quiet --universal \
		--python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		tests/orchestrators/$$each.in \
		--output-file tests/orchestrators/$$each.lock || exit 1; done
	npm install --package-lock-only --silent --ignore-scripts --prefix tests/readers
	npm install --package-lock-only --silent --ignore-scripts --prefix tests/servers

clean: ## Remove the environment and everything that runs have written
	rm -rf .venv data target logs

# An incomplete environment has no .ready and is made again.
$(READY): requirements.lock pyproject.toml .ci/uv.txt
	@python=$$(sh .ci/python) && echo "making .venv with $$python" \
		&& rm -rf .venv && "$$python" -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--require-hashes --requirement .ci/uv.txt
	$(call install,.venv,requirements.lock)
	$(call project,.venv)
	@touch $(READY)

# The readers of the tests, apart from what the project needs.
$(READERS)/.ready: $(READY) tests/readers/requirements.lock tests/readers/package-lock.json
	@python=$$(sh .ci/python) && rm -rf $(READERS) && "$$python" -m venv --without-pip $(READERS)
	$(call install,$(READERS),tests/readers/requirements.lock)
	cp tests/readers/package.json tests/readers/package-lock.json $(READERS)
	npm ci --silent --ignore-scripts --prefix $(READERS)
	@touch $(READERS)/.ready

# Those that CI leaves out.
$(READERS)/.heavy: $(READERS)/.ready tests/readers/heavy.lock
	$(call install,$(READERS),tests/readers/heavy.lock)
	@touch $(READERS)/.heavy

# The releases after the locked ones. tests/next/requirements.in has the reason of --no-deps.
$(NEXT)/.ready: $(READY) tests/next/requirements.lock
	@python=$$(sh .ci/python) && rm -rf $(NEXT) && "$$python" -m venv --without-pip $(NEXT)
	for each in requirements.lock tests/next/requirements.lock; do \
		$(call install,$(NEXT),$$each) --no-deps || exit 1; done
	$(call project,$(NEXT))
	@touch $(NEXT)/.ready

# The project with its extra `spark`, beside the environment without it.
$(SPARK)/.ready: $(READY) requirements-spark.lock
	@$(BIN)/python -c 'from runtime import spark; exit(spark.without_java())'
	@python=$$(sh .ci/python) && rm -rf $(SPARK) && "$$python" -m venv --without-pip $(SPARK)
	$(call install,$(SPARK),requirements-spark.lock)
	$(call project,$(SPARK))
	@touch $(SPARK)/.ready

# The servers that CI does not have, apart from what the project needs.
$(SERVERS)/.ready: $(READY) tests/servers/requirements.lock tests/servers/package-lock.json
	@python=$$(sh .ci/python) && rm -rf $(SERVERS) && "$$python" -m venv --without-pip $(SERVERS)
	$(call install,$(SERVERS),tests/servers/requirements.lock)
	cp tests/servers/package.json tests/servers/package-lock.json $(SERVERS)
	npm ci --silent --ignore-scripts --prefix $(SERVERS)
	FEEDS_SERVERS=$(CURDIR)/$(SERVERS)/debian .ci/servers \
		mysecureshell inetutils-ftpd rclone libnet-sftp-sftpserver-perl
	@touch $(SERVERS)/.ready

# The linters of orchestration/, Airflow and Dagster, each apart from all others.
.venv/linters/.ready .venv/airflow/.ready .venv/dagster/.ready: .venv/%/.ready: $(READY) tests/orchestrators/%.lock
	@python=$$(sh .ci/python) && rm -rf .venv/$* && "$$python" -m venv --without-pip .venv/$*
	$(call install,.venv/$*,tests/orchestrators/$*.lock)
	@touch $@
