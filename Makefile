.DEFAULT_GOAL := help
GO ?= go
WITH_POSTGRES := $(GO) run ./sql/storetest/withpostgres
FUZZTIME ?= 20s

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build a static binary into dist/
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o dist/wxcast .

.PHONY: demo
demo: ## Show the whole job on a simulated account
	$(GO) run . demo

# The SQLite engine is C translated to Go: under the race detector it is twenty
# times slower, and not ours to search for races. Everything else is watched. More
# tests than there are cores run at a time: those that do wait more than they work.
.PHONY: test
test: ## Run all tests with the race detector, on SQLite and a real Postgres
	$(WITH_POSTGRES) $(GO) test -race -parallel 8 -timeout 20m -gcflags='modernc.org/...=-race=false' ./...

.PHONY: test-short
test-short: ## Run all tests but the long ones, without the race detector
	$(WITH_POSTGRES) $(GO) test -short ./...

.PHONY: lint
lint: ## Check formatting, go vet, staticcheck and go.mod
	@test -z "$$(gofmt -l .)" || { echo "not gofmt-ed:"; gofmt -l .; exit 1; }
	$(GO) vet ./...
	$(GO) tool -modfile=tools/go.mod staticcheck ./...
	$(GO) mod tidy -diff

.PHONY: golden
golden: ## Write the golden files anew; read the diff before you commit it
	$(WITH_POSTGRES) $(GO) test ./internal/wechat ./internal/cli ./internal/report -run "Page|Explain|Help|Formats" -update

.PHONY: fuzz
fuzz: ## Fuzz each parser of strangers' input for FUZZTIME
	$(GO) test ./broadcast -run '^$$' -fuzz FuzzParseSpec -fuzztime $(FUZZTIME)
	$(GO) test ./broadcast -run '^$$' -fuzz FuzzRender -fuzztime $(FUZZTIME)
	$(GO) test ./bridge -run '^$$' -fuzz FuzzReadFile -fuzztime $(FUZZTIME)
	$(GO) test ./internal/wechat -run '^$$' -fuzz FuzzDecodeReply -fuzztime $(FUZZTIME)
	$(GO) test ./internal/wechat -run '^$$' -fuzz FuzzOpenCallback -fuzztime $(FUZZTIME)
	$(GO) test ./internal/wechat -run '^$$' -fuzz FuzzDecrypt -fuzztime $(FUZZTIME)
	$(GO) test ./internal/simulator -run '^$$' -fuzz FuzzCodec -fuzztime $(FUZZTIME)

.PHONY: bench-sim
bench-sim: ## Measure the simulator beside a bare Go handler
	$(GO) test ./internal/simulator -run '^$$' -bench Bare -benchtime 20x
	$(GO) test ./internal/simulator -run '^$$' -bench TenMillion -benchtime 1x

.PHONY: bench-sync
bench-sync: ## Measure sync, join and import beside bare HTTP, COPY and SQL (20 minutes)
	$(WITH_POSTGRES) -durable $(GO) test ./internal/bench -run '^$$' -bench 'Sync|Join|Import' -benchtime 1x -timeout 60m

.PHONY: bench-broadcast
bench-broadcast: ## Measure broadcasts beside a bare client (10 minutes)
	$(WITH_POSTGRES) -durable $(GO) test ./internal/bench -run '^$$' -bench 'Broadcast|Million|Pace' -benchtime 1x -timeout 60m

.PHONY: bench-callback
bench-callback: ## Measure how callbacks are taken, with a process killed in the middle (2 minutes)
	$(WITH_POSTGRES) -durable $(GO) test ./internal/bench -run '^$$' -bench 'Callback' -benchtime 1x -timeout 60m

CHAOS ?= 2h

.PHONY: chaos
chaos: ## Break wxcast in seven ways, and count what is lost (2 minutes)
	$(GO) run ./internal/chaos -rounds 7

.PHONY: chaos-long
chaos-long: ## The same for CHAOS, such as CHAOS=2h
	$(GO) run ./internal/chaos -for $(CHAOS)

.PHONY: chaos-mutations
chaos-mutations: ## Build wxcast with each deliberate break; each must be found
	$(GO) run ./internal/chaos -mutations

.PHONY: bench
bench: ## Measure sync and broadcasts beside their ceilings and a plain loop (3 minutes)
	$(WITH_POSTGRES) -durable sh -c 'go run . bench --database "$$WXCAST_TEST_DATABASE_URL"'

.PHONY: sim
sim: ## Run the simulator of WeChat on its own
	$(GO) run . sim

.PHONY: image
image: ## Build the container image
	docker build -t wxcast .
