# turnpike: make run serves, make test proves it, make bench measures it. ARGS=... is passed on.

BINARY := .build/release/turnpike
PREFIX ?= /usr/local
.DEFAULT_GOAL := help
.PHONY: help run build packages test test-tsan test-asan fuzz bench format lint install clean

help: ## says what there is
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /make \1\t/' | expand -t 16

run: packages build ## installs what is missing, builds, and serves on UDP 3478
	@exec $(BINARY) serve $(ARGS)

build:
	@tuning/require-swift
	swift build -c release --product turnpike

packages:
	@tuning/require-packages libssl-dev liburing-dev libnuma-dev

test: ## checks everything: format, unit tests, simulation, hot path, real clients
	@Tests/run $(ARGS)

test-tsan: packages ## the tests of what threads share, under the thread sanitizer
	@tuning/require-swift
	TURNPIKE_TESTS_OF=Exchange swift test --disable-xctest --sanitize=thread --scratch-path .build-tsan $(ARGS)

test-asan: packages ## the tests of the real loop, under the address sanitizer
	@tuning/require-swift
	TURNPIKE_TESTS_OF=RelayLoop swift test --disable-xctest --sanitize=address --scratch-path .build-asan $(ARGS)

fuzz: packages ## random and mutated datagrams, until one breaks something or time is up
	@tuning/require-swift
	Tests/Fuzz/run $(ARGS)

bench: packages ## beside coturn and a bare forwarder, each on one core
	@tuning/require-packages coturn iproute2
	perf/relay $(ARGS)

format: ## lays out all Swift files
	swift format --in-place --recursive Package.swift Sources Tests perf

lint:
	swift format lint --strict --recursive Package.swift Sources Tests perf

install: packages ## puts the program and its systemd unit under PREFIX (/usr/local)
	@tuning/require-swift
	swift build -c release --static-swift-stdlib --scratch-path .build-static --product turnpike
	install -D -m 755 .build-static/release/turnpike $(DESTDIR)$(PREFIX)/bin/turnpike
	install -d -m 755 $(DESTDIR)/etc/systemd/system
	sed 's|/usr/local|$(PREFIX)|' tuning/systemd/turnpike.service > $(DESTDIR)/etc/systemd/system/turnpike.service
	install -D -m 644 tuning/systemd/turnpike.sysusers $(DESTDIR)/usr/lib/sysusers.d/turnpike.conf
	install -d -m 755 $(DESTDIR)/etc/turnpike

clean: ## removes what was built
	rm -rf .build .build-tsan .build-asan .build-static .venv-e2e
