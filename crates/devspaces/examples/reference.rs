//! Prints docs/configuration.md, for `cargo xtask docs`.
fn main() {
    print!("{}", devspaces::cli::reference());
}
