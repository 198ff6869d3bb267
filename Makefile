# `make up` and `make test` are all that a newcomer needs; everything else is for those who stay.
SHELL := /bin/sh
NODE := .tools/bin/node
.PHONY: up down reset test check types lint unit system bench tools test-tools

tools:
	@node dev/setup.mjs

# What only tests need: opa, Python, softhsm. `make up` never does.
test-tools: tools
	@$(NODE) dev/test-setup.ts

up: tools
	@$(NODE) dev/main.ts up

down: tools
	@$(NODE) dev/main.ts down

reset: tools
	@$(NODE) dev/main.ts reset

check: types lint unit

types: tools
	@$(NODE) node_modules/typescript/bin/tsc --noEmit
	@$(NODE) node_modules/typescript/bin/tsc --noEmit -p web/app
	@$(NODE) node_modules/typescript/bin/tsc --noEmit -p web/app/vault

lint: tools
	@$(NODE) node_modules/oxlint/bin/oxlint --deny-warnings

unit: tools
	@$(NODE) dev/run-tests.ts unit

system: test-tools
	@$(NODE) dev/run-tests.ts system

test: test-tools types lint
	@$(NODE) dev/run-tests.ts unit system

bench: tools
	@$(NODE) bench/main.ts

# After a change to policy/rego: compiles it again, with the opa that `make test` installs.
.PHONY: policy
policy: tools
	@$(NODE) policy/build.ts
