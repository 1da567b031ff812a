# Everything a developer types. `make test` needs Go on a Debian machine and installs the rest.

.PHONY: build test setup gotest journeys lint generate generated bench ci

build:
	go build -trimpath -o bin/entraide ./cmd/entraide

# All tests: both databases, then the browser.
test: setup gotest journeys

setup:
	scripts/setup

gotest:
	go build -o bin/ ./scripts/withpostgres ./scripts/gotest
	bin/withpostgres bin/gotest -timeout 10m ./...

journeys:
	scripts/journeys

lint:
	test -z "$$(gofmt -l cmd internal scripts | tee /dev/stderr)"
	go vet ./...
	go mod tidy -diff
	go tool -modfile=tools.mod staticcheck ./...

# Pages' Go code, scripts and styles from their sources.
generate:
	scripts/generate

generated:
	scripts/generated

# Each benchmark for a moment: it still runs. Figures come from docs/benchmarks.md.
bench:
	go build -o bin/ ./scripts/withpostgres
	bin/withpostgres go test -run '^$$' -bench . -benchtime 20x -timeout 10m $$(grep -rl '^func Benchmark' --include='*_test.go' internal | xargs -n1 dirname | sort -u | sed 's|^|./|')

ci:
	.ci/run
