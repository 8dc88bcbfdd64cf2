# The front door. Everything real happens in CMake and in scripts/.
PRESET ?= dev
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 20
SCHEDULES ?= 200000
ROUNDS ?= 300
prefix ?= /usr/local

.PHONY: demo demo-stop test bench fuzz sim coverage install build clean format lint cluster conformance-charts

demo: ## install what is missing, build, start three coordinators and three agents, show them
	@scripts/deps build
	@$(MAKE) --no-print-directory build PRESET=release
	@scripts/demo start

demo-stop: ## end exactly what the demo started
	@scripts/demo stop

build:
	@scripts/configure $(PRESET)
	@cmake --build --preset $(PRESET) -j $(JOBS) -- --quiet

test: ## every test under PRESET (dev = ASan and UBSan; tsan = ThreadSanitizer), then short fuzzing
	@scripts/deps test
	@$(MAKE) --no-print-directory build PRESET=$(PRESET)
	@if [ "$(PRESET)" = dev ]; then $(MAKE) --no-print-directory build PRESET=release && \
	    $(MAKE) --no-print-directory fuzz; fi
	@ctest --preset $(PRESET) -j $(JOBS)

fuzz: ## FUZZ_SECONDS of every fuzz target from its corpus
	@scripts/deps test
	@$(MAKE) --no-print-directory build PRESET=fuzz
	@tests/fuzz/run $(FUZZ_SECONDS)

bench: ## figures, ours and the peers' side by side
	@scripts/deps build
	@$(MAKE) --no-print-directory build PRESET=release
	@tests/bench/run
	@tests/peers/build.sh helm
	@tests/conformance/fetch_charts
	@tests/bench/charts

sim: ## SCHEDULES of the simulator (200000), then every planted bug; prints all figures
	@scripts/deps build
	@tests/sim/run $(SCHEDULES)

coverage: ## branches of core/raft that its unit tests take
	@scripts/deps test
	@tests/coverage/run

cluster: ## ROUNDS of random faults on three real coordinators (release)
	@scripts/deps test
	@$(MAKE) --no-print-directory build PRESET=release
	@HL_ROUNDS=$(ROUNDS) HL_BIN_DIR=$(CURDIR)/build/release/bin python3 -B tests/e2e/cluster/test_cluster.py

conformance-charts: ## public charts rendered by hlctl and by helm; what differs, and whether we know why
	@scripts/deps build
	@$(MAKE) --no-print-directory build PRESET=release
	@tests/peers/build.sh helm
	@tests/conformance/fetch_charts
	@tests/conformance/compare_charts

install: ## programs, completions and the fleet we ship, below $(DESTDIR)$(prefix)
	@$(MAKE) --no-print-directory build PRESET=release
	@DESTDIR=$(DESTDIR) cmake --install build/release --prefix $(prefix)

format:
	@git ls-files '*.c' '*.h' | xargs clang-format -i

lint: ## clang-tidy over our code; longer than a test should be
	@$(MAKE) --no-print-directory build PRESET=dev
	@git ls-files 'lib/*.c' 'roles/*.c' 'coordinator/*.c' 'agent/*.c' 'hlctl/*.c' | \
	    xargs -P $(JOBS) -n 8 clang-tidy --quiet -p build/dev

clean:
	@rm -rf build
