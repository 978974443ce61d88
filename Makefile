PYTHON ?= python3
COMPILE = uv pip compile --quiet --universal --generate-hashes --no-annotate --custom-compile-command "make requirements" pyproject.toml
.PHONY: .venv demo up test test-compose check bench requirements clean

.venv: .venv/installed  ## everything, `.venv/bin/mesh` included

.venv/installed: pyproject.toml requirements/dev.txt
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	.venv/bin/pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@

demo: .venv  ## kill an instance under load, bring it back, and show what a client saw
	@.venv/bin/mesh demo

up: .venv  ## start the mesh and leave it running
	@.venv/bin/mesh up

test: .venv
	.venv/bin/pytest

test-compose: .venv  ## the images and compose.yaml, for real (needs Docker)
	MESH_TEST_COMPOSE=1 .venv/bin/pytest tests/deploy/test_compose.py tests/deploy/test_compose_observe.py

check: .venv  ## format, lint, types, and what is deployed: manifests, workflows, rules
	.venv/bin/ruff format --check
	.venv/bin/ruff check
	.venv/bin/mypy -p discovery -p services -p mesh -p tests -p benchmarks
	.venv/bin/mypy deploy/healthcheck.py deploy/consul/access.py deploy/consul/prepare.py
	.venv/bin/pytest -q tests/deploy

bench: .venv
	.venv/bin/python -m benchmarks

requirements:  ## pin again, with hashes and without addresses (needs uv)
	$(COMPILE) --all-extras -o requirements/dev.txt
	$(COMPILE) --constraint requirements/dev.txt --extra encrypt --extra gateway --extra mesh --extra tracing -o requirements/run.txt
	$(COMPILE) --constraint requirements/dev.txt --extra encrypt --extra tracing -o requirements/encrypt.txt
	$(COMPILE) --constraint requirements/dev.txt --extra gateway --extra tracing -o requirements/gateway.txt

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache *.egg-info
