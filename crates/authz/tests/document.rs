//! The document made from the table.

use devspaces_authz::{Permission, markdown};

// R-P5: roles and permissions are transparent, so the page that says them may not go stale.
#[test]
fn the_page_of_permissions_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/permissions.md");
    let page = std::fs::read_to_string(path).unwrap();
    let up_to_date = page.replace("\r\n", "\n") == markdown();
    assert!(up_to_date, "run: cargo xtask docs");
}

// R-P5
#[test]
fn the_page_has_a_whole_line_for_every_permission() {
    let page = markdown();
    let lines: Vec<_> = page.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(lines.len(), Permission::ALL.len());
    for (line, permission) in lines.iter().zip(Permission::ALL) {
        assert!(line.starts_with(&format!("| `{}` |", permission.name())), "{line}");
        assert_eq!(line.matches('|').count(), 10, "{line}");
    }
}
