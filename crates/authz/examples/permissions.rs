//! Prints the permission table as Markdown: the content of `docs/permissions.md`.

fn main() {
    print!("{}", devspaces_authz::markdown());
}
