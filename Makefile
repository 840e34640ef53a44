# These targets work from a fresh clone, with python3 (3.11 or newer) and make.
HOST ?= 127.0.0.1
PORT ?= 8787
DIST ?= dist
PYTHON ?= 3.13
ARCH ?= x86_64
SECONDS ?= 600
MUTATED ?= access payload dialects
BIN := .venv/bin

.PHONY: serve kernels test-kernels test test-wheel test-clients test-lambda test-templates generated check bench bundle \
	azure models release fuzz soak coverage mutants audit requirements

serve: .venv/serve ## install textfn and serve on http://HOST:PORT
	@$(BIN)/textfn serve --host $(HOST) --port $(PORT)

test: .venv/dev ## run the whole suite; needs no network once installed
	$(BIN)/pytest

test-wheel: .venv/dev ## run the core of the suite on an installed wheel, without the checkout
	$(BIN)/python tests/run_on_wheel.py

test-clients: .venv/serve .venv-clients/done .venv-clients-old/done tests/clients/node_modules ## test the clients that need their own environments; needs node, installs from PyPI and npm
	$(BIN)/python tests/clients/run.py

test-templates: .venv-templates/done .venv-checkov/done tests/templates/node_modules | .venv ## test template.yaml and serverless.yml without AWS; needs node, installs from PyPI and npm
	.venv-templates/bin/python -m pytest -q -p no:cacheprovider tests/templates

test-lambda: .venv-lambda/done ## test the bundles under Lambda's own runtime; needs Linux, installs from PyPI
	.venv-lambda/bin/python tests/lambda/run.py

kernels: .venv-kernels/done ## compile the kernels for every platform; installs clang (ziglang, 100 MB) from PyPI
	.venv-kernels/bin/python kernels/build.py shared/inference/kernels

test-kernels: .venv/dev .venv-kernels/done ## build the kernels again, compare bytes and bits, run sanitizers; needs gcc, and qemu-user for arm64
	$(BIN)/python -m pytest -q -p no:cacheprovider tests/kernels

generated: .venv/dev ## write the routes, the OpenAPI document and the tables of the documents
	$(BIN)/python -m textfn.generating

check: .venv/dev ## check format, lint, types, and what `make generated` writes
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/python -m textfn.generating --check

bench: .venv/dev ## run the benchmarks; writes benchmarks/results.md
	$(BIN)/python -m benchmarks

bundle: | .venv ## build one zip file per function for AWS Lambda, in dist/; PYTHON=3.13 ARCH=x86_64
	$(BIN)/python -m textfn bundle --python $(PYTHON) --arch $(ARCH)

# `sam build` runs these targets, with ARTIFACTS_DIR, for functions whose BuildMethod is makefile.
build-TextEmbeddings: BUNDLE = text-embeddings=all-minilm-l6-v2
build-SentenceSimilarity: BUNDLE = sentence-similarity=all-minilm-l6-v2
build-TextClassification: BUNDLE = text-classification=minilm-l6-sst2-int8
build-Catalogue: BUNDLE = catalogue
build-%: | .venv
	$(BIN)/python -m textfn bundle --python $(PYTHON) --arch $(ARCH) --folder "$(ARTIFACTS_DIR)" $(BUNDLE)

models: .venv/dev ## rebuild the bundled MiniLM file from its pinned source, byte for byte
	$(BIN)/python -m textfn.building.pinned

azure: ## write the folder DIST/azure for `func azure functionapp publish`
	rm -rf $(DIST)/azure
	mkdir -p $(DIST)/azure
	cp -R deploy/azure/. functions shared models $(DIST)/azure
	find $(DIST)/azure \( -name __pycache__ -o -name .pull \) -prune -exec rm -r {} +
	cp requirements/azure.txt $(DIST)/azure/requirements.txt

release: .venv/dev ## do a dry run of a release: check, build, try; it neither tags nor pushes
	$(BIN)/python .ci/release.py

fuzz: .venv-fuzz/done ## fuzz for ten minutes, guided by coverage; findings are in .cache/
	@mkdir -p .cache/fuzz
	.venv-fuzz/bin/python -m tests.fuzz -dict=tests/fuzz/words.dict -max_total_time=$(SECONDS) \
		-max_len=1024 -artifact_prefix=.cache/fuzz- .cache/fuzz tests/fuzz/corpus

soak: .venv/dev ## send 100,000 mixed requests to a local server; writes benchmarks/soak.md
	$(BIN)/python -m benchmarks.soak

coverage: .venv/dev ## measure the lines and branches that the suite runs, without the test of a full disk
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -q --deselect \
		tests/textfn/installing/test_pulled.py::test_a_disk_that_fills_up_meanwhile_is_told
	$(BIN)/coverage combine -q
	$(BIN)/coverage report --show-missing --skip-covered

mutants: .venv-mutants/done ## put small faults into a clone's code, which its tests must find; takes an hour
	rm -rf .cache/mutants
	git clone --quiet . .cache/mutants
	cd .cache/mutants && export PATH="$(CURDIR)/.venv-mutants/bin:$$PATH" && \
	for name in $(MUTATED); do \
		cosmic-ray init tests/mutants/$$name.toml $$name.sqlite && \
		cosmic-ray exec tests/mutants/$$name.toml $$name.sqlite && \
		cr-report --surviving-only --show-diff $$name.sqlite; done

audit: .venv-audit/done ## look up known vulnerabilities of the pinned packages; asks a service on the network
	for list in runtime serve dev; do .venv-audit/bin/pip-audit --disable-pip --require-hashes \
		--requirement requirements/$$list.txt; done

requirements: ## pin the packages of pyproject.toml again, for Python 3.11 to 3.14; needs uv
	uv pip compile pyproject.toml requirements/serve.in --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-annotate --no-header --quiet \
		--output-file requirements/serve.txt
	for extra in dev azure; do uv pip compile pyproject.toml --extra $$extra --universal \
		--python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
		--quiet --output-file requirements/$$extra.txt; done
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-annotate --no-header --quiet --output-file requirements/runtime.txt
	for name in clients clients-old fuzz audit mutants lambda templates checkov kernels; do uv pip compile \
		requirements/$$name.in --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-annotate --no-header --quiet \
		--output-file requirements/$$name.txt; done
	for folder in tests/clients tests/templates; do npm install --prefix $$folder \
		--package-lock-only --omit-lockfile-registry-resolved --ignore-scripts --no-audit --no-fund; \
		done

.venv:
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11) and "textfn needs Python 3.11 or newer; python3 is " + sys.version.split()[0])'
	python3 -m venv .venv

# One stamp file per set of requirements. With it a second `make` installs nothing.
.venv/%: requirements/%.txt pyproject.toml | .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r $<
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# Without --no-deps, older versions of pip refuse a pin of a package that another one needs with extras.
.venv-%/done: requirements/%.txt
	python3 -m venv .venv-$*
	.venv-$*/bin/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

tests/%/node_modules: tests/%/package-lock.json
	npm ci --prefix tests/$* --ignore-scripts --no-audit --no-fund
	@touch $@
