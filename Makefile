# make demo    sets up what is missing, then shows the main job at work; ^C stops it and leaves nothing running
# make test    sets up what is missing, then runs every test
# make servers starts the servers that the tests run against, for a person, until ^C
# make train   trains the bundled model anew, from nothing, and writes its card
# make bench   measures what docs/performance.md says, and prints it

# turbojpeg is built where its tools are: `make setup` brings them where it may.
FEATURES = $(shell command -v cmake >/dev/null && command -v nasm >/dev/null && echo --features turbo)
CARGO_FLAGS = --locked $(FEATURES)

export VIGIE_MODELS ?= $(CURDIR)/../shared/models
export VIGIE_IMAGES ?= $(CURDIR)/../shared/images

.PHONY: demo test servers train bench setup build broken lint clean

demo: setup build
	@scripts/demo.sh target/debug/vigie

test: setup broken
	@tests/servers/install.sh
	cargo test --workspace $(CARGO_FLAGS) --no-fail-fast

servers:
	@tests/servers/up.sh

# What tests and demo need beside Rust: an MQTT broker that is not ours, an assembler, ONNX Runtime.
setup:
	@scripts/setup.sh

build:
	cargo build $(CARGO_FLAGS)
	@target/debug/vigie setup

# The build that acknowledges too early: the kill test must go red with it.
broken:
	cargo build $(CARGO_FLAGS) --features broken-early-ack
	@mkdir -p target/broken && cp -f target/debug/vigie target/broken/vigie
	@target/broken/vigie setup

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets $(CARGO_FLAGS) -- -D warnings
	@scripts/deny.sh

bench: setup
	cargo bench $(CARGO_FLAGS) --bench camera --bench exchange --bench memory --bench pipeline

train: setup build
	@scripts/train.sh target/debug/vigie

clean:
	cargo clean
	rm -rf out dead
