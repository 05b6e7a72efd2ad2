//! Which scenarios `ci` runs on containers: a quarter, always the same. `cargo xtask nightly` runs all.
//!
//! Every one of them runs in this process's own suites in any case. These are chosen for what containers may do
//! otherwise: settings that come by files and variables, replicas that do not share a memory, a network, a clock that
//! nobody holds.
use crate::Outcome;

/// The scenarios by their names, wherever they are; a name is that of all that are called so.
const CHOSEN: &[&str] = &[
    // Those that go from one end to the other.
    "from_a_space_to_the_marketplace",
    "from_the_marketplace_to_a_space_with_its_people_its_billing_and_its_apps",
    "every_method_answers_as_its_access_option_says",
    "the_commands_of_the_page_answer_as_it_says",
    // Who somebody is, and what an operator has allowed: by files and variables there, by code elsewhere.
    "a_service_that_is_called_like_one_of_the_suite_is_not_it",
    "a_token_for_others_or_from_others_is_refused",
    "a_service_may_what_its_operator_configured",
    "importing_takes_the_permission_of_a_service",
    "a_card_is_made_by_a_service_that_may_run_billing",
    "every_service_gives_the_same_answers",
    // What is gone is gone at every port of every replica.
    "a_removal_is_effective_when_its_reply_arrives",
    "a_removed_contributor_has_nothing_from_the_reply_on",
    "a_removed_member_loses_every_role_on_the_spaces_apps_and_the_admin_receives_them",
    "a_removed_billing_admin_is_gone_everywhere_at_once",
    "a_removed_marketplace_admin_is_gone_at_every_port",
    "what_is_shown_follows_the_role_at_once",
    "the_switcher_forgets_a_space_at_once",
    "a_revocation_is_seen_by_the_next_evaluation_on_every_service",
    "where_only_admins_create_apps_a_developer_neither_creates_nor_links",
    "publication_switches_who_edits_the_name",
    // And what is made is there.
    "the_creator_of_a_space_is_its_admin_when_the_reply_arrives",
    "the_creator_of_an_app_owns_it",
    "linking_takes_a_role_in_the_space_and_one_on_the_app",
    "consent_makes_the_account_and_its_first_billing_admin",
    "budgets_of_apps_stand_beside_that_of_the_space",
    "a_repeated_request_is_the_same_reservation",
    "accepting_the_terms_publishes_the_space_and_makes_the_acceptor_its_marketplace_admin",
    "marketplace_admins_choose_the_first_console_admins_once",
    "an_invited_user_becomes_a_member_and_not_before",
    "members_of_a_group_have_its_roles_and_are_told_by_which_way",
    "whoever_leaves_the_group_or_the_space_loses_its_roles",
    "a_deleted_group_gives_nothing",
    "a_group_has_roles_on_app_groups",
    "a_role_on_an_app_group_is_one_on_each_app_in_it",
    "an_address_is_invited_and_whoever_has_it_verified_accepts",
    "whoever_is_no_longer_admin_has_invited_nobody",
    "every_role_is_told_with_its_way_its_giver_and_its_end",
    "an_existing_profile_comes_with_its_space_its_apps_and_its_admins",
    "an_app_is_a_marketplace_app_from_submission_until_withdrawal",
    // Webhooks are kept by whom each service has asked.
    "who_administers_a_plane_keeps_its_webhooks_and_nobody_else_does",
    "a_secret_is_told_when_it_is_made_and_never_again",
    // Races, whose sides meet in the database there and in one process elsewhere.
    "two_removals_of_the_last_two_admins",
    "the_same_request_id_many_times_at_once",
    "many_writers_in_one_scope",
    "archival_against_additions",
    "two_transfers_of_one_app",
    "a_removal_against_an_addition_of_the_same_person_to_an_app",
    "two_removals_of_the_last_two_billing_admins",
    "several_consents_at_once",
    "a_submission_against_deletion_and_archival",
    "two_bootstraps_of_one_space",
    "of_batches_at_once_that_share_ids_each_id_counts_once",
    "one_invitation_is_accepted_once",
    "acceptance_against_revocation",
    // Who is deactivated is so at every port of every replica.
    "no_method_answers_a_person_who_was_deactivated",
    "a_deactivated_person_is_denied_everything_by_every_service_until_reactivated",
    "the_last_admin_is_deactivated_and_marketplace_admins_choose_anew",
    "nothing_that_a_person_began_is_made_once_the_deactivation_is_told",
    "deactivations_and_reactivations_of_one_person_at_once",
    // A result is told again by the other replica.
    "a_token_is_told_once",
    "the_same_request_id_answers_with_the_first_result",
    "an_admin_who_removed_themselves_gets_the_result_again",
    "one_request_id_with_different_contents_at_once_makes_one_space",
    // Large messages, many pages and long streams, across a real network.
    "a_message_that_is_too_large_is_refused_and_the_connection_lives",
    "the_largest_takeover_arrives",
    "many_spaces_are_left_in_one_call_and_each_result_is_told",
    "pages_skip_and_repeat_nothing_while_others_write",
    "lists_and_batches_say_what_single_checks_say",
    "pages_skip_and_repeat_nobody_while_people_come_and_go",
    "searches_find_what_lists_have_in_pages_of_any_size",
    "a_journal_that_is_followed_verifies",
];

/// The tests of the chosen scenarios among all that `--list` has named. Fails if one that is chosen is not there, or if
/// those that are chosen are less than a quarter: scenarios are added, and then some are to be chosen.
pub(crate) fn choose<'a>(all: &[&'a str]) -> Outcome<Vec<&'a str>> {
    choose_of(all, CHOSEN)
}

fn choose_of<'a>(all: &[&'a str], names: &[&str]) -> Outcome<Vec<&'a str>> {
    if let Some(lost) = names.iter().find(|name| !all.iter().any(|test| scenario(test) == Some(name))) {
        return Err(format!(
            "{lost} is chosen for the containers, and no scenario that can run there is called so"
        ));
    }
    let found: Vec<_> =
        all.iter().copied().filter(|test| scenario(test).is_some_and(|name| names.contains(&name))).collect();
    if found.len() * 4 < all.len() {
        return Err(format!(
            "of {} scenarios for the containers {} are chosen, less than a quarter",
            all.len(),
            found.len()
        ));
    }
    Ok(found)
}

/// The name of the scenario of a test: of `people::members::the_last_admin_stays::composed`.
fn scenario(test: &str) -> Option<&str> {
    test.rsplit("::").nth(1)
}

#[cfg(test)]
mod tests {
    use super::choose_of;

    const ALL: [&str; 4] = ["a::one::composed", "b::one::composed", "b::two::composed", "c::three::composed"];

    #[test]
    fn a_name_chooses_all_that_are_called_so() {
        assert_eq!(choose_of(&ALL, &["one"]), Ok(vec!["a::one::composed", "b::one::composed"]));
        assert_eq!(choose_of(&ALL, &["two"]), Ok(vec!["b::two::composed"]));
    }

    #[test]
    fn a_name_that_is_lost_and_a_choice_that_is_too_small_are_errors() {
        assert!(choose_of(&ALL, &["one", "four"]).is_err());
        assert!(choose_of(&ALL, &["b"]).is_err());
        assert!(choose_of(&ALL, &[]).is_err());
    }
}
