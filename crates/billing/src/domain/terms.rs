/// R-B1: the version of the terms of app invoicing that are in force: the day from which they are.
pub(crate) const VERSION: &str = "2026-11-01";

/// Their text. The text of a version never changes: accounts were born by it.
pub(crate) const TEXT: &str = include_str!("../../terms/2026-11-01.txt");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_says_which_version_it_is() {
        assert!(TEXT.lines().next().is_some_and(|title| title.ends_with(VERSION)));
    }
}
