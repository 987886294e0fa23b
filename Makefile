# make demo     sets up what is missing, then shows the main job at work; ^C stops it and leaves nothing running
# make test     sets up what is missing, then runs every test
# make test-tract  the references of all models again, with the engine in the box: compiles tract, some minutes, once
# make servers  starts the servers that the tests run against, for a person, until ^C
# make chaos    kills it 200 times, takes its servers away for a minute, and says what was lost and doubled; then half an
#               hour of trouble for a standing cluster, from VIGIE_SEED or a new seed, and 1,000 jobs that come and go
# make train    trains the bundled model anew, from nothing, and writes its card
# make bench    measures what docs/performance.md and docs/cluster.md say, and prints it
# make bench-peers  sets up what people would use instead, and measures it beside Vigie
# make profile  shows where the time of a frame goes: a flame graph in target/profile

# turbojpeg is built where its tools are: `make setup` brings them where it may.
FEATURES = $(shell command -v cmake >/dev/null && command -v nasm >/dev/null && echo --features turbo) \
    $(shell pkg-config --exists openssl 2>/dev/null || echo --features vendored-openssl)
CARGO_FLAGS = --locked $(FEATURES)
TARGET = $(or $(CARGO_TARGET_DIR),target)

export VIGIE_MODELS ?= $(CURDIR)/../shared/models
export VIGIE_IMAGES ?= $(CURDIR)/../shared/images

.PHONY: demo test test-tract servers chaos train bench bench-peers profile release setup build broken lint clean

demo: setup build
	@scripts/demo.sh $(TARGET)/debug/vigie

test: setup broken
	@tests/servers/install.sh
	cargo test --workspace $(CARGO_FLAGS) --no-fail-fast

test-tract: setup
	cargo test --workspace $(CARGO_FLAGS) --features tract --lib engine
	VIGIE_ENGINE=tract cargo test --workspace $(CARGO_FLAGS) --features tract --test main -- references families describe engines

servers:
	@tests/servers/up.sh

# The tests of delivery at length: 200 kills, servers that are gone for a minute.
chaos: setup broken
	@tests/servers/install.sh
	VIGIE_KILLS=200 VIGIE_GONE=60 cargo test $(CARGO_FLAGS) --test main delivery -- --nocapture --test-threads 1
	VIGIE_CHAOS=1800 VIGIE_SEED=$${VIGIE_SEED:-$$(date +%s)} VIGIE_CHURN=1000 cargo test $(CARGO_FLAGS) --test main -- \
	    standing::chaos standing::churn --nocapture --test-threads 1

# What tests and demo need beside Rust: an MQTT broker that is not ours, an assembler, ONNX Runtime.
setup:
	@scripts/setup.sh

build:
	cargo build $(CARGO_FLAGS)
	@$(TARGET)/debug/vigie setup

# The build that makes mistakes on purpose: the tests of delivery must go red with each of them.
broken:
	cargo build $(CARGO_FLAGS) --features broken
	@mkdir -p $(TARGET)/broken && cp -f $(TARGET)/debug/vigie $(TARGET)/broken/vigie
	@$(TARGET)/broken/vigie setup

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets $(CARGO_FLAGS) -- -D warnings
	@scripts/deny.sh

# The program as the benches have it, and its runtime: one build for all of them.
release: setup
	cargo bench $(CARGO_FLAGS) --bench lanes --no-run
	@$(TARGET)/release/vigie setup

bench: release
	@tests/servers/install.sh kafka
	@command -v valgrind >/dev/null || scripts/apt.sh valgrind || true
	cargo bench $(CARGO_FLAGS) --bench lanes
	cargo bench $(CARGO_FLAGS) --bench camera --bench engine --bench exchange --bench graph --bench memory --bench pictures
	cargo bench -p operators --bench views
	cargo bench $(CARGO_FLAGS) --bench cluster

# Vigie beside Spark, Bytewax, Pathway and a plain Python loop, on the same frames.
bench-peers: release
	@tests/servers/install.sh kafka
	@benches/peers/setup.sh
	cargo bench $(CARGO_FLAGS) --bench lanes -- --peers --lane A,B,C,D,E

profile: release
	@scripts/profile.sh $(TARGET)/release/vigie

train: setup build
	@scripts/train.sh $(TARGET)/debug/vigie

clean:
	cargo clean
	rm -rf out dead
