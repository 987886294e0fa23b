#!/usr/bin/env bash
# Licences and advisories of all dependencies (deny.toml), where cargo-deny can be had.
set -u
if ! command -v cargo-deny >/dev/null; then
    echo "skipped: cargo-deny is not on this machine (cargo install --locked cargo-deny)"
    exit 0
fi
cargo deny --locked check licenses bans sources || exit 1
# The advisories come from a public repository, which not every machine reaches.
if cargo deny --locked fetch db 2>/dev/null; then
    cargo deny --locked check advisories
else
    echo "skipped: the advisory database is out of reach"
fi
