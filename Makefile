# From a fresh clone, with python3 (3.11 or newer) and make.
HOST ?= 127.0.0.1
PORT ?= 8787
BIN := .venv/bin

.PHONY: serve test check bench models requirements

serve: .venv/serve ## answer on http://HOST:PORT
	@$(BIN)/textfn serve --host $(HOST) --port $(PORT)

test: .venv/dev ## the whole suite; needs no network once installed
	$(BIN)/pytest

check: .venv/dev ## format, lint, types
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

bench: .venv/dev ## the benchmarks, as ratios; writes benchmarks/results.md
	$(BIN)/python -m benchmarks

models: .venv/dev ## rebuild the bundled MiniLM file from its pinned source, byte for byte
	$(BIN)/python -m tools.build

requirements: ## pin again what pyproject.toml names, for Python 3.11 to 3.14; needs uv
	for extra in serve dev; do uv pip compile pyproject.toml --extra $$extra --universal \
		--python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
		--quiet --output-file requirements/$$extra.txt; done
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-annotate --no-header --quiet --output-file requirements/runtime.txt

.venv:
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11) and "textfn needs Python 3.11 or newer; python3 is " + sys.version.split()[0])'
	python3 -m venv .venv

# A stamp a set of requirements, so that a second `make` installs nothing.
.venv/%: requirements/%.txt pyproject.toml | .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r $<
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
