//! The walks: with all rules, and without each.
use super::*;

/// Three checks with an eviction, two with an eviction and a failure, and checks of two subjects that share calls.
const SIZES: [Size; 3] = [
    Size { checks: 3, subjects: 1, failures: 0, evictions: 1 },
    Size { checks: 2, subjects: 1, failures: 1, evictions: 1 },
    Size { checks: 3, subjects: 2, failures: 0, evictions: 0 },
];

/// Everything at once, which takes a minute without optimisation.
const LARGE: Size = Size { checks: 3, subjects: 1, failures: 1, evictions: 1 };

/// Whether any walk finds that this goes wrong without the rule.
fn goes_wrong_without(without: Without, sought: Wrong) -> bool {
    let mut walks =
        SIZES.iter().flat_map(|&size| SCRIPTS.map(|script| Walk::new(script, size, Some(without))));
    walks.any(|walk| walk.run(Some(sought)).wrong.contains(&sought))
}

/// Walks these worlds with all rules and says how many states there were.
fn walk(sizes: &[Size]) -> usize {
    let mut states = 0;
    for &size in sizes {
        for script in SCRIPTS {
            let walk = Walk::new(script, size, None).run(None);
            assert!(walk.wrong.is_empty(), "{:?}: {size:?}, {script:?}", walk.wrong);
            states += walk.seen.len();
        }
    }
    println!("{states} states");
    states
}

// R-M5, R-P4
#[test]
fn with_all_rules_no_interleaving_goes_wrong() {
    assert!(walk(&SIZES) > 50_000, "the walk has become small");
}

#[test]
fn with_all_rules_no_interleaving_of_a_larger_world_goes_wrong() {
    assert!(walk(&[LARGE]) > 400_000, "the walk has become small");
}

#[test]
fn without_the_join_rule_a_revoked_role_still_allows() {
    assert!(goes_wrong_without(Without::Join, Wrong::StaleAllow));
}

#[test]
fn without_the_answer_rule_a_revoked_role_still_allows() {
    assert!(goes_wrong_without(Without::Answer, Wrong::StaleAllow));
}

#[test]
fn knowing_nothing_must_not_be_sent_as_sequence_zero() {
    assert!(goes_wrong_without(Without::Absence, Wrong::StaleAllow));
}

#[test]
fn a_lower_version_must_count_as_a_change() {
    assert!(goes_wrong_without(Without::Lower, Wrong::StaleAllow));
}

#[test]
fn a_rewritten_database_must_not_pass_for_its_former_self() {
    assert!(goes_wrong_without(Without::Digest, Wrong::StaleAllow));
}

#[test]
fn an_age_that_counts_from_the_answer_is_false() {
    assert!(goes_wrong_without(Without::Age, Wrong::FalseAge));
}
