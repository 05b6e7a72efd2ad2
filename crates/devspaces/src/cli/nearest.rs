//! What somebody may have meant by a name that there is not.

/// From how alike two names are on one is taken for the other: clap's own measure for flags.
const ALIKE: f64 = 0.7;

/// "; did you mean 'usage.report'?", or nothing if no name comes near.
pub(super) fn suggestion<'a>(given: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let measured = names.into_iter().map(|name| (strsim::jaro_winkler(given, name), name));
    let nearest = measured.filter(|(alike, _)| *alike > ALIKE).max_by(|one, other| one.0.total_cmp(&other.0));
    nearest.map(|(_, name)| format!("; did you mean '{name}'?")).unwrap_or_default()
}
