//! An identity provider, as a flag describes it.
use std::{
    fs,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use devspaces_kit::{
    identity::{ClaimNames, Condition, Issuer, Keys, Kind, Kinds, Renewal, Source},
    nearest::suggestion,
    tls::Roots,
};

use super::Failure;

/// What can be set of an identity provider.
const SETTINGS: [&str; 15] = [
    "kind",
    "users-if",
    "services-if",
    "require",
    "iss",
    "aud",
    "prefix",
    "jwks",
    "ca",
    "refresh",
    "max-age",
    "aud-claim",
    "name-claim",
    "email-claim",
    "email-verified-claim",
];

/// How often a provider is asked for its keys, unless a setting says otherwise.
const REFRESH: Duration = Duration::from_mins(5);

/// An identity provider; its keys are still where they are found.
#[derive(Clone, Debug)]
pub(super) struct IssuerSettings {
    iss: Vec<String>,
    kinds: Kinds,
    prefix: String,
    audiences: Vec<String>,
    required: Vec<Condition>,
    claims: ClaimNames,
    jwks: Option<String>,
    ca: Option<PathBuf>,
    refresh: Duration,
    max_age: Option<Duration>,
}

/// Settings by their keys, in their order.
struct Settings<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Settings<'a> {
    fn parse(text: &'a str) -> Result<Self, String> {
        text.split(',').map(Self::setting).collect::<Result<_, _>>().map(Self)
    }

    fn setting(setting: &'a str) -> Result<(&'a str, &'a str), String> {
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
            return Err(format!("there is no setting '{key}'{}: they are {all}", suggestion(key, SETTINGS)));
        }
        Ok((key, value))
    }

    fn all(&self, key: &'static str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(name, _)| *name == key).map(|(_, value)| *value)
    }

    fn one(&self, key: &'static str) -> Result<Option<&'a str>, String> {
        let mut values = self.all(key);
        let value = values.next();
        if values.next().is_some() { Err(format!("the setting {key} is given twice")) } else { Ok(value) }
    }

    /// One that is not empty, if it is given.
    fn filled(&self, key: &'static str) -> Result<Option<&'a str>, String> {
        let value = self.one(key)?;
        if value == Some("") { Err(format!("the setting {key} is empty")) } else { Ok(value) }
    }

    fn several(&self, key: &'static str, empty: &str) -> Result<Vec<String>, String> {
        let values: Vec<String> = self.all(key).map(str::to_owned).collect();
        if values.is_empty() {
            return Err(format!("the setting {key} is missing"));
        }
        if values.iter().any(String::is_empty) {
            return Err(format!("the setting {key} is empty: {empty}"));
        }
        Ok(values)
    }

    fn condition(&self, key: &'static str) -> Result<Option<Condition>, String> {
        let condition = self.one(key)?.map(str::parse::<Condition>).transpose();
        condition.map_err(|form| format!("the setting {key}: {form}"))
    }

    fn seconds(&self, key: &'static str) -> Result<Option<Duration>, String> {
        let Some(value) = self.one(key)? else { return Ok(None) };
        let seconds = value.parse().ok().filter(|seconds| (1..=86_400).contains(seconds));
        let form = || format!("the setting {key} is a number of seconds from 1 to 86400, and not '{value}'");
        seconds.map(|seconds| Some(Duration::from_secs(seconds))).ok_or_else(form)
    }

    fn kinds(&self) -> Result<Kinds, String> {
        let kind = match self.one("kind")? {
            None => None,
            Some("users") => Some(Kind::Users),
            Some("services") => Some(Kind::Services),
            Some(other) => return Err(format!("the setting kind is users or services, and not '{other}'")),
        };
        Kinds::new(kind, self.condition("users-if")?, self.condition("services-if")?)
            .map_err(|error| format!("the settings kind, users-if and services-if: {error}"))
    }

    fn claims(&self) -> Result<ClaimNames, String> {
        let mut names = ClaimNames::STANDARD;
        for (key, name) in [
            ("aud-claim", &mut names.audience),
            ("name-claim", &mut names.subject),
            ("email-claim", &mut names.email),
            ("email-verified-claim", &mut names.email_verified),
        ] {
            if let Some(claim) = self.filled(key)? {
                *name = claim.to_owned().into();
            }
        }
        Ok(names)
    }
}

impl FromStr for IssuerSettings {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let settings = Settings::parse(text)?;
        let required = settings.all("require").map(str::parse::<Condition>).collect::<Result<_, _>>();
        let parsed = Self {
            kinds: settings.kinds()?,
            iss: settings.several("iss", "no token is from nobody")?,
            prefix: settings.one("prefix")?.unwrap_or_default().to_owned(),
            audiences: settings.several("aud", "no token would be accepted")?,
            required: required.map_err(|form| format!("the setting require: {form}"))?,
            claims: settings.claims()?,
            jwks: settings.filled("jwks")?.map(str::to_owned),
            ca: settings.filled("ca")?.map(PathBuf::from),
            refresh: settings.seconds("refresh")?.unwrap_or(REFRESH),
            max_age: settings.seconds("max-age")?,
        };
        if parsed.max_age.is_some_and(|max_age| max_age <= parsed.refresh) {
            return Err(
                "the setting max-age must be longer than refresh: the keys would be too old now and then"
                    .to_owned(),
            );
        }
        parsed.source(Roots::default())?;
        Ok(parsed)
    }
}

impl IssuerSettings {
    /// The issuer, with the keys that are in its file now, or that have yet to be fetched.
    pub(super) fn open(&self) -> Result<(Issuer, Renewal), Failure> {
        let refused = |error: &dyn std::fmt::Display| format!("--issuer: {error}");
        let source = self.source(self.roots()?).map_err(|error| refused(&error))?;
        let name = self.iss.first().cloned().unwrap_or_default();
        let (keys, renewal) =
            Renewal::new(name, source, self.refresh, self.max_age).map_err(|error| refused(&error))?;
        Ok((self.issuer(keys), renewal))
    }

    fn issuer(&self, keys: Keys) -> Issuer {
        let Self { iss, kinds, prefix, audiences, required, claims, .. } = self.clone();
        Issuer { iss, kinds, prefix, audiences, keys, claims, required, names_anybody: false }
    }

    /// Where its keys are: at an address or in a file, or where its discovery document says.
    fn source(&self, roots: Roots) -> Result<Source, String> {
        match self.jwks.as_deref() {
            Some(address) if address.contains("://") => {
                Source::address(address, roots).map_err(|why| format!("the setting jwks: {why}"))
            }
            Some(file) => Ok(Source::file(PathBuf::from(file))),
            None => Source::discovered(&self.iss, roots).map_err(|why| {
                format!("the setting jwks is missing, and the keys can't be discovered: {why}")
            }),
        }
    }

    fn roots(&self) -> Result<Roots, Failure> {
        let Some(file) = &self.ca else { return Ok(Roots::default()) };
        let refused = |error: &dyn std::fmt::Display| format!("--issuer: {} {error}", file.display());
        let pem = fs::read(file).map_err(|error| refused(&format!("can't be read: {error}")))?;
        Ok(Roots::with_pem(&pem).map_err(|error| refused(&error))?)
    }
}

/// The keys in a file that a flag names, and their renewal when it changes.
pub(super) fn keys_in(flag: &str, name: &str, file: &Path) -> Result<(Keys, Renewal), Failure> {
    let keys = Renewal::new(name, Source::file(file.to_owned()), REFRESH, None);
    Ok(keys.map_err(|error| format!("{flag}: {error}"))?)
}

#[cfg(test)]
mod recipes;

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
    fn keys_are_in_a_file_at_an_address_or_discovered_and_claims_have_the_names_that_are_given() {
        for text in [
            "kind=users,iss=https://id.example,aud=a",
            "kind=users,iss=https://id.example,aud=a,jwks=https://id.example/keys",
            "kind=users,iss=id,aud=a,jwks=http://127.0.0.1:9000/keys,refresh=10,max-age=3600",
        ] {
            assert!(text.parse::<IssuerSettings>().is_ok(), "{text}");
        }
        let cognito =
            "kind=users,iss=https://id.example,aud=client,aud-claim=client_id,require=token_use=access";
        let settings: IssuerSettings = cognito.parse().expect("settings");
        assert_eq!((&*settings.claims.audience, settings.required.len()), ("client_id", 1));
        assert_eq!(settings.claims.subject, "sub");
    }

    #[test]
    fn settings_that_let_nobody_in_or_say_nothing_are_errors_that_name_the_mistake() {
        for (wrong, right, named) in [
            ("aud=devspaces", "aud=", "aud is empty"),
            ("aud=devspaces,", "", "aud is missing"),
            ("iss=https://id.example", "iss=", "iss is empty"),
            ("iss=https://id.example,", "", "iss is missing"),
            ("jwks=users.json", "jwks=", "jwks is empty"),
            ("jwks=users.json", "jwks=http://id.example/keys", "must begin with https://"),
            (
                ",iss=https://id.example,aud=devspaces,prefix=,jwks=users.json",
                ",iss=id,aud=a",
                "can't be discovered",
            ),
            ("prefix=", "refresh=0", "refresh is a number of seconds"),
            ("prefix=", "refresh=1h", "from 1 to 86400, and not '1h'"),
            ("prefix=", "max-age=60", "must be longer than refresh"),
            ("prefix=", "name-claim=", "name-claim is empty"),
            ("prefix=", "require=token_use", "require: a condition has the form CLAIM=VALUE"),
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
