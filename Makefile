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
# times slower, and not ours to search for races. The command line's tests run whole
# processes against a simulator in theirs, and take four times as long under it: they run
# without, and with it in test-long. Everything else is watched. More tests than there are
# cores run at a time: those that do wait more than they work.
.PHONY: test
test: ## Run the tests, with the race detector, on SQLite and a real Postgres
	$(WITH_POSTGRES) $(GO) test -race -parallel 8 -timeout 20m -gcflags='modernc.org/...=-race=false' $$($(GO) list ./... | grep -v /internal/cli$$)
	$(WITH_POSTGRES) $(GO) test -parallel 8 -timeout 20m ./internal/cli

.PHONY: test-long
test-long: ## Run the command line's tests with those that take minutes: days, full disks, benchmarks (12 minutes)
	WXCAST_TEST_LONG=1 $(WITH_POSTGRES) $(GO) test -race -parallel 8 -timeout 40m -gcflags='modernc.org/...=-race=false' ./internal/cli

.PHONY: test-postgres
test-postgres: ## The store's tests and three rounds of chaos on Postgres 13 to 18, from npm (20 minutes)
	GO="$(GO)" tools/postgres-versions.sh

.PHONY: test-short
test-short: ## Run all tests but the long ones, without the race detector
	$(WITH_POSTGRES) $(GO) test -short ./...

# The browser's tests are a module of their own. Fonts are for the pictures: without one, Chinese
# is drawn as boxes.
.PHONY: chromium
chromium: ## Install Debian's Chromium and a Chinese font for the console's tests
	@command -v chromium > /dev/null || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-noto-cjk > /dev/null; }

.PHONY: console-test
console-test: chromium ## Look at the console in a real browser (4 minutes)
	cd internal/console/browser && CI=true $(GO) test -count 1 -timeout 20m ./...

.PHONY: console-shots
console-shots: chromium ## Keep a picture of each of the console's pages in dist/console
	cd internal/console/browser && WXCAST_SHOTS=$(CURDIR)/dist/console $(GO) test -count 1 -timeout 20m ./...

VERSION ?= $(shell git describe --tags --dirty 2> /dev/null || echo 0.0.0-$$(git rev-parse --short HEAD))

# The time of the commit is the only one in the artefacts: the same commit, the same bytes.
.PHONY: release
release: ## Build binaries, packages, image, lists of what is in them and checksums into dist/release (10 minutes)
	rm -rf dist/release
	cd release && $(GO) run . -version "$(VERSION)" -at "$$(git log -1 --format=%ct)" -out ../dist/release

.PHONY: around
around: ## Install what stands around wxcast, for the tests with it: promtool, nginx, Caddy, Hugo (Debian's)
	@for tool in promtool nginx caddy hugo; do command -v $$tool > /dev/null || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends prometheus nginx-light caddy hugo > /dev/null; break; }; done

.PHONY: site
site: around ## Build the documentation's site into dist/site
	rm -rf dist/site
	cd site && hugo --quiet --destination ../dist/site

.PHONY: release-test
release-test: around ## Build the artefacts of this platform twice, and try them, and what stands in deploy/ (4 minutes)
	cd deploy/prometheus && promtool test rules alerts_test.yaml rules_test.yaml
	GOOS=windows $(GO) vet . && GOOS=darwin $(GO) vet .
	cd release && CI=true $(GO) test -count 1 -timeout 20m ./...

.PHONY: lint
lint: ## Check formatting, go vet, staticcheck and go.mod
	@test -z "$$(gofmt -l .)" || { echo "not gofmt-ed:"; gofmt -l .; exit 1; }
	$(GO) vet ./...
	$(GO) tool -modfile=tools/go.mod staticcheck ./...
	$(GO) mod tidy -diff
	for module in internal/console/browser release; do (cd $$module && $(GO) vet ./... && $(GO) mod tidy -diff) || exit 1; done

.PHONY: corpus
corpus: ## Write down what a release has that the next ones must have, and keep its stores: VERSION=0.1.0
	WXCAST_CORPUS=$(VERSION) $(GO) test ./internal/stability -count 1
	$(GO) run ./internal/chaos -keep-stores internal/stability/corpus/stores/$(VERSION)

# The rule holds from here on; those before it have their own form.
SINCE ?= 83ac498
.PHONY: commits
commits: ## Hold the subjects of commits to the rule in CONTRIBUTING.md; SINCE= names the last one before them
	@git log --no-merges --format='%h %s' $(SINCE)..HEAD | awk '{ subject = substr($$0, length($$1) + 2) } \
		length(subject) > 72 { print "longer than 72: " $$0; bad = 1 } \
		subject !~ /^(feat|fix|perf|refactor|test|docs|build|ci|chore)(\([a-z0-9, \/.-]+\))?: [^ ]/ \
			{ print "not TYPE(ROOM): WHAT: " $$0; bad = 1 } END { exit bad }'

.PHONY: vuln
vuln: ## Look for known vulnerabilities that our code reaches; needs the network
	$(GO) run golang.org/x/vuln/cmd/govulncheck@latest ./...

.PHONY: golden
golden: ## Write the golden files anew; read the diff before you commit it
	WXCAST_UPDATE_GOLDEN=1 $(WITH_POSTGRES) $(GO) test ./... -count 1 -run TestGolden

.PHONY: translated
translated: ## Mark the Chinese pages as made of today's English ones, after you have mended them
	WXCAST_TRANSLATED=1 $(GO) test ./docs -count 1 -run Translations

.PHONY: fuzz
fuzz: ## Fuzz each parser of strangers' input for FUZZTIME
	$(GO) test ./broadcast/spec -run '^$$' -fuzz FuzzParseSpec -fuzztime $(FUZZTIME)
	$(GO) test ./broadcast/template -run '^$$' -fuzz FuzzParseSpec -fuzztime $(FUZZTIME)
	$(GO) test ./broadcast/template -run '^$$' -fuzz FuzzRender -fuzztime $(FUZZTIME)
	$(GO) test ./bridge -run '^$$' -fuzz FuzzReadFile -fuzztime $(FUZZTIME)
	$(GO) test ./internal/wechat -run '^$$' -fuzz FuzzDecodeReply -fuzztime $(FUZZTIME)
	$(GO) test ./internal/wechat -run '^$$' -fuzz FuzzOpenCallback -fuzztime $(FUZZTIME)
	$(GO) test ./internal/wechat -run '^$$' -fuzz FuzzDecrypt -fuzztime $(FUZZTIME)
	$(GO) test ./internal/simulator -run '^$$' -fuzz FuzzCodec -fuzztime $(FUZZTIME)
	$(GO) test ./internal/yamledit -run '^$$' -fuzz FuzzSet -fuzztime $(FUZZTIME)
	$(GO) test ./internal/visit -run '^$$' -fuzz FuzzRead -fuzztime $(FUZZTIME)

# A private Postgres that syncs to disk, as one in production does. BENCH are more flags,
# such as BENCH='--size 1000000 --out result.json'.
BENCH ?=
bench = $(WITH_POSTGRES) -durable sh -c '$(GO) run . bench $(1) --database "$$WXCAST_TEST_DATABASE_URL" $(BENCH)'

.PHONY: bench-steps
bench-steps: ## Each step's own benchmark once, on both stores: that it still runs (1 minute)
	$(WITH_POSTGRES) $(GO) test -run '^$$' -bench . -benchtime 1x ./...

.PHONY: bench
bench: ## Measure sync, join and broadcast beside their ceilings and a plain loop (6 minutes)
	$(call bench,)

.PHONY: bench-sync
bench-sync: ## Sync of a million beside bare HTTP and COPY (12 minutes)
	$(call bench,sync --size 1000000)

.PHONY: bench-join
bench-join: ## Import and join of a million beside COPY and bare SQL (2 minutes)
	$(call bench,join --size 1000000)

.PHONY: bench-broadcast
bench-broadcast: ## Broadcasts to a million, their pace, and a kill in the middle, beside a bare client (15 minutes)
	$(call bench,broadcast pace crash --size 1000000 --latency 0s$(comma)20ms$(comma)50ms$(comma)100ms)

.PHONY: bench-callback
bench-callback: ## Callbacks and consents to two processes, one of them killed in the middle (2 minutes)
	$(call bench,callback)

.PHONY: bench-messages
bench-messages: ## Single messages beside a broadcast, two processes killed (4 minutes)
	$(call bench,messages --size 200000)

.PHONY: bench-console
bench-console: ## 50 people look at 2,000,000 followers and 20,000,000 deliveries beside a broadcast (12 minutes)
	$(call bench,console --size 2000000)

.PHONY: bench-growth
bench-growth: ## The whole job from 10,000 to 4,000,000, and 1 to 8 processes, with a plot (30 minutes)
	@mkdir -p dist
	$(call bench,growth workers --plot dist/growth.svg)

.PHONY: bench-sim
bench-sim: ## The simulator beside a bare handler
	$(call bench,sim)

comma := ,

CHAOS ?= 2h

.PHONY: chaos
chaos: ## Break wxcast in sixteen ways, and count what is lost (6 minutes)
	$(GO) run ./internal/chaos -rounds 16

.PHONY: chaos-long
chaos-long: ## The same for CHAOS, such as CHAOS=2h
	$(GO) run ./internal/chaos -for $(CHAOS)

.PHONY: ha
ha: ## Kill, stop, cut off and switch over the leader of a Patroni cluster (Debian's) under a broadcast (10 minutes)
	@for tool in patroni etcd etcdctl haproxy pgbouncer; do command -v $$tool > /dev/null || PATH=$$PATH:/usr/sbin command -v $$tool > /dev/null || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql patroni python3-etcd etcd-server etcd-client haproxy pgbouncer > /dev/null; break; }; done
	$(GO) run ./internal/chaos -scenario patroni -rounds 1

.PHONY: chaos-mutations
chaos-mutations: ## Build wxcast with each deliberate break; each must be found
	$(GO) run ./internal/chaos -mutations

# As few things as possible come between a seed and its story: see internal/world. One world has
# one processor, so two runs share the machine.
STEADY = GODEBUG=asyncpreemptoff=1 GOGC=400
WORLD = $(STEADY) $(GO) test ./internal/world -run TestWorlds -count 1 -timeout $(WITHIN) -v -args \
	-on $(STORE) -days $(DAYS) $(STAY) $(TELL)
SEED ?= 1
SEEDS ?= 1000
DAYS ?= 1
STORE ?= sqlite
TELL ?=
STAY ?=
WITHIN ?= 30m

.PHONY: simulate
simulate: ## Days of an account in simulated time, with all that goes wrong: SEED=1 SEEDS=1000 DAYS=1 STORE=sqlite TELL=-tell STAY=-stay (4 minutes)
	@$(if $(filter postgres,$(STORE)),$(WITH_POSTGRES)) sh -c '\
	$(WORLD) -seed $(SEED) -seeds $$((($(SEEDS) + 1) / 2)) & first=$$!; \
	test $(SEEDS) -lt 2 || $(WORLD) -seed $$(($(SEED) + ($(SEEDS) + 1) / 2)) -seeds $$(($(SEEDS) / 2)); second=$$?; \
	wait $$first && exit $$second'

CHECKS ?= 2000
.PHONY: model
model: ## Hold the store against its model, in orders that nobody has tried: CHECKS=2000 (10 minutes)
	$(WITH_POSTGRES) $(GO) test ./sql -run TestTheStoreIsAsTheModel -count 1 -timeout 60m -rapid.checks $(CHECKS) -rapid.seed $$(date +%s)

.PHONY: guards
guards: ## Break each guard of the sending once: some test must find it (hours)
	$(WITH_POSTGRES) $(GO) run ./internal/guards

.PHONY: sim
sim: ## Run the simulator of WeChat on its own
	$(GO) run . sim

.PHONY: image
image: ## Build the container image
	docker build -t wxcast .
