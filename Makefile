# `make up` and `make test` are all that a newcomer needs; everything else is for those who stay.
SHELL := /bin/sh
NODE := .tools/bin/node
.PHONY: up down reset test check types lint unit bench tools

tools:
	@node dev/setup.mjs

up: tools
	@$(NODE) dev/main.ts up

down: tools
	@$(NODE) dev/main.ts down

reset: tools
	@$(NODE) dev/main.ts reset

check: types lint unit

types: tools
	@$(NODE) node_modules/typescript/bin/tsc --noEmit

lint: tools
	@$(NODE) node_modules/oxlint/bin/oxlint --deny-warnings

unit: tools
	@$(NODE) node_modules/vitest/vitest.mjs run --project unit

test: check
	@$(NODE) node_modules/vitest/vitest.mjs run --project system

bench: tools
	@$(NODE) bench/main.ts

# After a change to policy/rego: compiles it again, with the opa that `make test` installs.
.PHONY: policy
policy: tools
	@$(NODE) policy/build.ts
