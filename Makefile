# Ripen. Every target explains itself: make help.
# Tools are pinned here and run with "go run", so go.mod lists the product and its tests only.
GOFUMPT     = mvdan.cc/gofumpt@v0.12.0
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
DEADCODE    = golang.org/x/tools/cmd/deadcode@v0.52.0
BENCHSTAT   = golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
export GOAMD64 = v1
LDFLAGS = -s -w -X main.version=$(VERSION)
# No event passes through these: inlining makes them larger by 0.3 MB in all, and nothing faster.
COLD = google.golang.org/protobuf github.com/goccy/go-yaml golang.org/x/text go.opentelemetry.io net/http debug/dwarf \
  github.com/wneessen/go-mail github.com/tetratelabs/wazero/internal/engine/interpreter
BIN ?= bin/ripen
FUZZTIME ?= 20s
PORT ?= 8080

.DEFAULT_GOAL := help

.PHONY: help
help: ## what each target does
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## bin/ripen: one static binary, no cgo
	@CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' $(COLD:%=-gcflags=%/...=-l) -o $(BIN) ./cmd/ripen
	@ls -l $(BIN) | awk '{printf "%s  %.1f MB\n", $$9, $$5/1e6}'

.PHONY: run
run: build ## start the demo: the coffee-machine shop and the live list
	@bin/ripen demo --listen 127.0.0.1:$(PORT)

.PHONY: deps
deps: ## install what the tests need (Chromium, nginx, a mail server, by apt where allowed)
	@.ci/deps

.PHONY: test
test: deps ## everything a contributor must see green, race detector included
	go vet ./...
	go test -race -timeout 30m ./...

.PHONY: check
check: ## formatting, generated files, lint, dead code, import law, tidy
	@test -z "$$(go run $(GOFUMPT) -l cmd tracker wasm snippet storage bench)" || { go run $(GOFUMPT) -d cmd tracker wasm snippet storage bench; exit 1; }
	$(MAKE) generate
	git diff --exit-code
	go vet ./...
	go run $(STATICCHECK) ./...
	go run $(DEADCODE) -test ./...
	go test ./cmd/ripen -run 'TestLaw|TestSizes'
	go mod tidy -diff

.PHONY: generate
generate: ## rebuild generated files (the snippet, the tables of the README)
	go generate ./...

.PHONY: guests
guests: ## build the modules of wasm/guest anew: those whose toolchains are here, or can be installed
	@.ci/guests
	@RIPEN_UPDATE=1 go test ./wasm/guest -run TestBuild -count=1 -v

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (20s)
	@set -e; for pkg in $$(go list ./...); do \
	  for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "$$pkg $$target"; go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$pkg; \
	  done; done

.PHONY: e2e
e2e: deps ## the browser and whole-program stories, and other people's clients (npm, module proxy)
	go test -count=1 -timeout 30m ./cmd/ripen ./snippet/... ./tracker/console ./tracker/demo ./tracker/ingest ./tracker/mail
	RIPEN_E2E=1 go test -count=1 -timeout 30m -v -parallel 6 ./bench/clients

.PHONY: bench
bench: deps ## one table: figures, bars, ratios against references of the same run
	go run ./bench/cmd/bench

.PHONY: bench-scoring
bench-scoring: ## one table for the scoring platform: cards, gas, hostile guests, re-score, simulation
	go run ./bench/cmd/bench --scoring

.PHONY: bench-learn
bench-learn: ## one table for learning: processor time and memory of a card and of trees, beside scikit-learn
	go run ./bench/cmd/bench learn

.PHONY: bench-snapshots
bench-snapshots: ## 100,000 leads of 20 events each, looked at as learning from the log does (minutes, most of them to make the leads)
	go test ./tracker/server -run '^$$' -bench Snapshots -benchtime 1x -timeout 30m

.PHONY: bench-compare
bench-compare: ## micro-benchmarks against the saved baseline (BASE=ref to make one)
	@.ci/bench-compare $(BENCHSTAT)

.PHONY: crash
crash: build ## kill -9 under load, 100 times: nothing acknowledged may be missing
	go run ./bench/cmd/bench crash --rounds 100

.PHONY: crash-journeys
crash-journeys: deps ## kill -9 while leads walk a journey, 50 times, with a real mail server: every intent happens once
	go run ./bench/cmd/bench crash --journeys --rounds 50
