//! An identity provider, as a flag describes it.
use std::{fs, path::PathBuf, str::FromStr};

use devspaces_kit::{
    identity::{Condition, Issuer, Jwks, Kind, Kinds},
    nearest::suggestion,
};

use super::Failure;

/// What can be set of an identity provider.
const SETTINGS: [&str; 7] = ["kind", "users-if", "services-if", "iss", "aud", "prefix", "jwks"];

/// An identity provider; its keys are still in their file.
#[derive(Clone, Debug)]
pub(super) struct IssuerSettings {
    iss: Vec<String>,
    kinds: Kinds,
    prefix: String,
    audiences: Vec<String>,
    jwks: PathBuf,
}

impl FromStr for IssuerSettings {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut settings = Vec::new();
        for setting in text.split(',') {
            let (key, value) =
                setting.split_once('=').ok_or_else(|| format!("'{setting}' must have the form KEY=VALUE"))?;
            let (bare, trimmed) = (key.trim(), value.trim());
            if (bare, trimmed) != (key, value) {
                return Err(format!(
                    "white space stands around '{bare}' or its value, and no token has it: write '{bare}={trimmed}'"
                ));
            }
            if !SETTINGS.contains(&key) {
                let all = SETTINGS.join(", ");
                return Err(format!(
                    "there is no setting '{key}'{}: they are {all}",
                    suggestion(key, SETTINGS)
                ));
            }
            settings.push((key, value));
        }
        let all = |key| settings.iter().filter(move |(name, _)| *name == key).map(|(_, value)| *value);
        let one = |key: &'static str| {
            let mut values = all(key);
            let value = values.next();
            if values.next().is_some() { Err(format!("the setting {key} is given twice")) } else { Ok(value) }
        };
        let several = |key: &'static str, empty: &str| {
            let values: Vec<String> = all(key).map(str::to_owned).collect();
            if values.is_empty() {
                return Err(format!("the setting {key} is missing"));
            }
            if values.iter().any(String::is_empty) {
                return Err(format!("the setting {key} is empty: {empty}"));
            }
            Ok(values)
        };
        let kind = match one("kind")? {
            None => None,
            Some("users") => Some(Kind::Users),
            Some("services") => Some(Kind::Services),
            Some(other) => return Err(format!("the setting kind is users or services, and not '{other}'")),
        };
        let condition = |key: &'static str| {
            let condition = one(key)?.map(str::parse::<Condition>).transpose();
            condition.map_err(|form| format!("the setting {key}: {form}"))
        };
        let kinds = Kinds::new(kind, condition("users-if")?, condition("services-if")?)
            .map_err(|error| format!("the settings kind, users-if and services-if: {error}"))?;
        let jwks = one("jwks")?.filter(|file| !file.is_empty()).ok_or("the setting jwks is missing")?;
        Ok(Self {
            iss: several("iss", "no token is from nobody")?,
            kinds,
            prefix: one("prefix")?.unwrap_or_default().to_owned(),
            audiences: several("aud", "no token would be accepted")?,
            jwks: PathBuf::from(jwks),
        })
    }
}

impl IssuerSettings {
    /// The issuer, with the keys that are in its file now.
    pub(super) fn open(&self) -> Result<Issuer, Failure> {
        let Self { iss, kinds, prefix, audiences, jwks } = self.clone();
        let keys = key_set("--issuer", &jwks)?;
        Ok(Issuer { iss, kinds, prefix, audiences, keys, names_anybody: false })
    }
}

/// The key set in a file that a flag names.
pub(super) fn key_set(flag: &str, file: &PathBuf) -> Result<Jwks, Failure> {
    let refused = |error: &dyn std::fmt::Display| format!("{flag}: {} {error}", file.display());
    let text = fs::read_to_string(file).map_err(|error| refused(&format!("can't be read: {error}")))?;
    Ok(Jwks::parse(&text).map_err(|error| refused(&format!("can't be used: it is {error}")))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        text.parse::<IssuerSettings>().expect_err(text)
    }

    const GOOD: &str = "kind=users,iss=https://id.example,aud=devspaces,prefix=,jwks=users.json";

    #[test]
    fn an_issuer_has_several_names_and_audiences_if_it_says_several() {
        let two = "kind=users,services-if=gty=client-credentials,iss=accounts.google.com,iss=https://accounts.google.com,\
                   aud=a,aud=b,prefix=google:,jwks=google.json";
        let settings: IssuerSettings = two.parse().expect("settings");
        assert_eq!(settings.iss, ["accounts.google.com", "https://accounts.google.com"]);
        assert_eq!(settings.audiences, ["a", "b"]);
        assert!(GOOD.parse::<IssuerSettings>().is_ok());
    }

    #[test]
    fn settings_that_let_nobody_in_or_say_nothing_are_errors_that_name_the_mistake() {
        for (wrong, right, named) in [
            ("aud=devspaces", "aud=", "aud is empty"),
            ("aud=devspaces,", "", "aud is missing"),
            ("iss=https://id.example", "iss=", "iss is empty"),
            ("iss=https://id.example,", "", "iss is missing"),
            ("jwks=users.json", "jwks=", "jwks is missing"),
            ("kind=users", "kind=user", "users or services, and not 'user'"),
            ("kind=users,", "", "no kind is given"),
            ("kind=users", "kind=users,kind=services", "kind is given twice"),
            ("prefix=", "prefix=a:,prefix=b:", "prefix is given twice"),
            ("aud=devspaces", "audience=devspaces", "no setting 'audience'; did you mean \"aud\"?"),
            ("prefix=", "prefix", "'prefix' must have the form KEY=VALUE"),
            ("kind=users", "kind=users,users-if=gty=x", "no effect"),
            ("kind=users", "users-if=gty=x,services-if=gty=x", "meets the other as well"),
            ("aud=devspaces", "aud=devspaces ", "write 'aud=devspaces'"),
            (",iss=", ", iss=", "write 'iss=https://id.example'"),
            (",iss=", ",iss= ", "write 'iss=https://id.example'"),
            ("prefix=", "prefix=corp:\t", "write 'prefix=corp:'"),
            ("kind=users", "kind=users,services-if=gty= x", "without any"),
            ("kind=users", "kind=users,services-if=gty", "services-if: a condition has the form CLAIM=VALUE"),
        ] {
            let text = GOOD.replacen(wrong, right, 1);
            let said = refused(&text);
            assert!(said.contains(named), "{text}: {said}");
        }
    }
}
