//! What somebody may have meant by a name that there is not.

/// From how alike two names are on one is taken for the other: clap's own measure for flags.
const ALIKE: f64 = 0.7;

/// The longest name that is compared, in bytes. What is longer is no typing error, and would take long.
const MAX_NAME: usize = 64;

/// `; did you mean "usage.report"?`, or nothing if no name comes near.
#[must_use]
pub fn suggestion<'a>(given: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    if given.len() > MAX_NAME {
        return String::new();
    }
    let measured = names.into_iter().map(|name| (strsim::jaro_winkler(given, name), name));
    let nearest = measured.filter(|(alike, _)| *alike > ALIKE).max_by(|one, other| one.0.total_cmp(&other.0));
    nearest.map(|(_, name)| format!("; did you mean \"{name}\"?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested_if_one_is_near() {
        let near = |given: &str| suggestion(given, ["members.list", "members.add", "app.get"]);
        assert_eq!(near("member.list"), "; did you mean \"members.list\"?");
        assert_eq!(near("members.ad"), "; did you mean \"members.add\"?");
        for far in ["", "x", "quux", &"members.list".repeat(10)] {
            assert_eq!(near(far), "", "{far}");
        }
    }
}
