//! No two issuers give one name.
use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

/// One key will do for all: names don't depend on it.
static KEY: LazyLock<SigningKey> = LazyLock::new(key);

/// What issuers could do with prefixes and subjects of few letters: they meet often.
fn text(longest: usize) -> impl Strategy<Value = String> {
    let letters = prop::sample::select(vec!['a', 'b', ':', '%', '3', 'A', '~', '|', '/']);
    prop::collection::vec(letters, 0..=longest).prop_map(|letters| letters.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, ..ProptestConfig::default() })]

    // Of any two issuers that are accepted together, none names whom the other names; and each name is read as it was
    // given. The subjects begin with one another's prefixes as often as not.
    #[test]
    fn two_issuers_that_are_accepted_together_never_give_one_name(
        prefixes in (text(3), text(3)),
        subjects in (text(4), text(4)),
        borrowed in any::<bool>(),
    ) {
        let key = &*KEY;
        let issuers = || [("one", &prefixes.0), ("two", &prefixes.1)]
            .map(|(iss, prefix)| issuer(iss, Kind::Users, prefix, jwks(key, "k1")));
        let Ok(authenticator) = Authenticator::new(Hands::at_now(), issuers().into(), Trust::default()) else {
            return Ok(());
        };
        let world = World { clock: Hands::at_now(), key: key.clone(), authenticator };
        let name = |iss: &str, sub: &str| {
            let caller = world.ask(&world.token(&json!({ "iss": iss, "sub": sub }))).ok();
            caller.map(|caller| caller.principal)
        };
        let first = if borrowed { format!("{}{}", prefixes.1, subjects.1) } else { subjects.0.clone() };
        let (one, two) = (name("one", &first), name("two", &subjects.1));
        for (named, own) in [(&one, 0), (&two, 1)] {
            let Some(principal) = named else { continue };
            prop_assert_eq!(principal.to_string().parse::<Principal>().ok(), Some(principal.clone()));
            prop_assert!(issuers()[own].could_name(principal));
            prop_assert!(!issuers()[1 - own].could_name(principal), "{} by both {:?}", principal, prefixes);
        }
        prop_assert!(one.is_none() || one != two);
    }
}

// Nobody's name changes when a provider is added whose prefix ends in a colon.
#[test]
fn a_provider_can_be_added_beside_one_without_prefix() {
    let key = key();
    let issuers = vec![
        issuer("https://id.example", Kind::Users, "", jwks(&key, "k1")),
        issuer("https://corp.example", Kind::Users, "corp:", jwks(&key, "k1")),
        issuer("https://old.example", Kind::Services, "old|", jwks(&key, "k1")),
    ];
    let clock = Hands::at_now();
    let authenticator =
        Authenticator::new(clock.clone(), issuers, Trust::default()).expect("a configuration");
    let world = World { clock, key, authenticator };
    for (iss, sub, name) in [
        ("https://id.example", "alice", "users/alice"),
        ("https://id.example", "corp:alice", "users/corp%3Aalice"),
        ("https://id.example", "corp%3Aalice", "users/corp%253Aalice"),
        ("https://corp.example", "alice", "users/corp:alice"),
        ("https://corp.example", "a:b", "users/corp:a%3Ab"),
        ("https://old.example", "web", "services/old%7Cweb"),
    ] {
        let caller = world.ask(&world.token(&json!({ "iss": iss, "sub": sub }))).expect(name);
        assert_eq!(caller.principal.to_string(), name);
    }
}

#[test]
fn an_issuer_that_documents_two_names_of_its_own_gives_one_name_to_each_person() {
    let key = key();
    let google = Issuer {
        iss: vec!["https://accounts.google.com".into(), "accounts.google.com".into()],
        ..issuer("", Kind::Users, "google:", jwks(&key, "k1"))
    };
    let clock = Hands::at_now();
    let authenticator =
        Authenticator::new(clock.clone(), vec![google], Trust::default()).expect("a configuration");
    let world = World { clock, key, authenticator };
    for iss in ["https://accounts.google.com", "accounts.google.com"] {
        let caller = world.ask(&world.token(&json!({ "iss": iss, "sub": "1101" }))).expect(iss);
        assert_eq!(caller.principal.to_string(), "users/google:1101");
    }
}
