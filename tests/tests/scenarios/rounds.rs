//! How often races are run: all their rounds, or the share of them that `DEVSPACES_RACE_ROUNDS` names.
use std::env;

/// The variable with the share: `25%`.
const SHARE: &str = "DEVSPACES_RACE_ROUNDS";
/// No race has fewer: some do one thing in every other round.
const FEWEST: u32 = 2;

/// The rounds of a race that has so many when it is run whole.
pub(crate) fn rounds<N: From<u16>>(whole: u16) -> N {
    let share = env::var_os(SHARE).map(|share| share.to_string_lossy().into_owned());
    N::from(share_of(whole, share.as_deref()))
}

/// The rounds of a long trial, or its seconds: `cargo xtask nightly` runs it whole, and whoever runs a share of each race has that
/// share of that share.
pub(crate) fn rounds_of_trial<N: From<u16>>(whole: u16) -> N {
    N::from(rounds(rounds(whole)))
}

fn share_of(whole: u16, share: Option<&str>) -> u16 {
    let Some(share) = share else { return whole };
    let percent = share.strip_suffix('%').and_then(|percent| percent.parse::<u32>().ok());
    let percent = percent.filter(|percent| (1..=1000).contains(percent));
    let percent =
        percent.unwrap_or_else(|| panic!("{SHARE} is a share from 1% to 1000%, such as 25%: {share:?}"));
    let rounds = (u32::from(whole) * percent).div_ceil(100).max(FEWEST);
    u16::try_from(rounds).expect("few")
}

#[test]
fn a_share_of_the_rounds_is_never_none() {
    assert_eq!(
        [None, Some("100%"), Some("25%"), Some("400%")].map(|share| share_of(30, share)),
        [30, 30, 8, 120]
    );
    assert_eq!([30, 6, 2].map(|whole| share_of(whole, Some("1%"))), [2, 2, 2]);
}

#[test]
fn a_share_that_makes_no_sense_is_told() {
    for share in ["", "%", "0%", "25", "a quarter", "-5%", "2000%"] {
        let told = std::panic::catch_unwind(|| share_of(30, Some(share))).expect_err(share);
        let told = told.downcast_ref::<String>().expect("a message");
        assert!(told.starts_with("DEVSPACES_RACE_ROUNDS is a share from 1% to 1000%"), "{told}");
    }
}
