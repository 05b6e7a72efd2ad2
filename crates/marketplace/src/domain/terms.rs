/// R-K1: the version of the Marketplace terms that are in force: the day from which they are.
pub(crate) const VERSION: &str = "2026-11-01";

/// Their text. The text of a version never changes: profiles were made by it.
pub(crate) const TEXT: &str = include_str!("../../terms/2026-11-01.txt");

/// Whether this is the version in force.
pub(crate) fn is_current(version: &str) -> bool {
    version == VERSION
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_says_which_version_it_is() {
        assert!(TEXT.lines().next().is_some_and(|title| title.ends_with(VERSION)));
    }
}
