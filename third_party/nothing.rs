// Cargo wants a source file; there is nothing to build (see Cargo.toml).
