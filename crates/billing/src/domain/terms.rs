/// R-B1: the version of the terms of app invoicing that are in force: the day from which they are.
pub(crate) const VERSION: &str = "2026-11-30";

/// Their text. The text of a version never changes, and those of before stay beside it: accounts were born by them.
pub(crate) const TEXT: &str = include_str!("../../terms/2026-11-30.txt");

#[cfg(test)]
mod tests {
    use super::*;

    // R-B1
    #[test]
    fn each_text_says_which_version_it_is() {
        let before = include_str!("../../terms/2026-11-01.txt");
        for (text, version) in [(before, "2026-11-01"), (TEXT, VERSION)] {
            assert!(text.lines().next().is_some_and(|title| title.ends_with(version)));
        }
    }
}
