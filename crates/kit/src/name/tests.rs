use proptest::prelude::*;

use super::*;

proptest! {
    // A person has one name only, so that two spellings never are two people.
    #[test]
    fn any_id_has_one_name_that_parses_back(id in "[^\0]{1,40}") {
        let user = Principal::user(&id);
        prop_assume!(user.id().len() <= MAX_ID);
        prop_assert_eq!(user.to_string().parse(), Ok(user));
    }

    #[test]
    fn a_name_that_parses_prints_as_it_was(name in "(users|services|spaces|apps)/[-a-zA-Z0-9%.|/@]{0,40}") {
        if let Ok(principal) = name.parse::<Principal>() {
            prop_assert_eq!(principal.to_string(), name.clone());
        }
        if let Ok(scope) = name.parse::<Scope>() {
            prop_assert_eq!(scope.to_string(), name);
        }
    }
}

#[test]
fn malformed_names_are_refused() {
    for name in
        ["", "users", "users/", "users/a b", "users/a/b", "users/%61", "users/%00", "users/%ff", "users/%2a"]
    {
        assert!(name.parse::<Principal>().is_err(), "{name}");
    }
    let id = "0190a8d0-7b1c-7def-8000-000000000001";
    for name in [
        "",
        "spaces/",
        "spaces/x",
        "spaces/{id}",
        &format!("Spaces/{id}"),
        &format!("spaces/{id}/"),
        &format!("spaces/{}", id.to_uppercase()),
        &format!("spaces/{}", id.replace('-', "")),
    ] {
        assert!(name.parse::<SpaceName>().is_err(), "{name}");
        assert!(name.parse::<Scope>().is_err(), "{name}");
    }
    for name in ["", "apps/", "apps/x", &format!("spaces/{id}"), &format!("apps/{}", id.to_uppercase())] {
        assert!(name.parse::<AppName>().is_err(), "{name}");
        assert!(format!("{name}/contributors/a").parse::<ContributorName>().is_err(), "{name}");
    }
    assert!(format!("apps/{id}/contributors/").parse::<ContributorName>().is_err());
    assert!(format!("apps/{id}/contributors/auth0%7Ca").parse::<ContributorName>().is_ok());
    assert!(format!("spaces/{id}/members/").parse::<MemberName>().is_err());
    assert!(format!("spaces/{id}/members/a/b").parse::<MemberName>().is_err());
    assert!(format!("spaces/{id}/members/auth0%7Ca").parse::<MemberName>().is_ok());
}
