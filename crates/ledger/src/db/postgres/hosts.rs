use std::str::FromStr as _;

use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::{OpenError, SETTINGS};

/// The parameter by which libpq's URLs say which of several hosts is meant.
const WHICH: &str = "target_session_attrs=";
/// The one that takes writes: it is the only one that is ever used.
const PRIMARY: [&str; 2] = ["read-write", "primary"];

/// How to connect to each host of a URL, which may name several as libpq's do: `postgres://user@one:5432,two:5432/name`.
pub(super) fn hosts(url: &str) -> Result<Vec<PgConnectOptions>, OpenError> {
    let (scheme, rest) = url.split_once("://").ok_or(OpenError::UnknownEngine)?;
    if !matches!(scheme, "postgres" | "postgresql") {
        return Err(OpenError::UnknownEngine);
    }
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (who, hosts) = match authority.rsplit_once('@') {
        Some((who, hosts)) => (format!("{who}@"), hosts),
        None => (String::new(), authority),
    };
    let path = without_which(path)?;
    let connect = |host| {
        let options = PgConnectOptions::from_str(&format!("{scheme}://{who}{host}{path}"));
        Ok(options.map_err(|_| OpenError::Malformed)?.options(SETTINGS.iter().copied()))
    };
    hosts.split(',').map(connect).collect()
}

/// The hosts of a database's URL to which connections may be plain text: by a network, and without an `sslmode` that
/// insists on TLS. None of a URL that is of no use.
#[must_use]
pub fn hosts_without_tls(url: &str) -> Vec<String> {
    let plain = |options: PgConnectOptions| {
        let insists = matches!(
            options.get_ssl_mode(),
            PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull
        );
        let by_socket = options.get_socket().is_some() || options.get_host().starts_with('/');
        (!insists && !by_socket).then(|| options.get_host().to_owned())
    };
    hosts(url).unwrap_or_default().into_iter().filter_map(plain).collect()
}

/// What follows the hosts, without what sqlx does not know.
fn without_which(path: &str) -> Result<String, OpenError> {
    let Some((path, parameters)) = path.split_once('?') else { return Ok(path.to_owned()) };
    let mut kept = Vec::new();
    for parameter in parameters.split('&') {
        match parameter.strip_prefix(WHICH) {
            None => kept.push(parameter),
            Some(which) if PRIMARY.contains(&which) => {}
            Some(_) => return Err(OpenError::Malformed),
        }
    }
    Ok(if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(url: &str) -> Vec<(String, u16)> {
        let options = hosts(url).expect("a URL");
        options.iter().map(|options| (options.get_host().to_owned(), options.get_port())).collect()
    }

    #[test]
    fn a_url_may_name_several_hosts() {
        let one = [("one".to_owned(), 5432)];
        assert_eq!(addresses("postgres://u:p@one/space"), one);
        let both = [("one".to_owned(), 5433), ("two".to_owned(), 5434)];
        for parameters in ["", "?sslmode=disable", "?target_session_attrs=read-write&sslmode=disable"] {
            assert_eq!(addresses(&format!("postgres://u:p@one:5433,two:5434/space{parameters}")), both);
        }
        let options = &hosts("postgresql://u@one,two/space?target_session_attrs=primary").expect("a URL")[1];
        assert_eq!((options.get_username(), options.get_database()), ("u", Some("space")));
        assert_eq!(addresses("postgres://u@[::1]:5433,[::2]/space").len(), 2);
    }

    #[test]
    fn each_host_of_a_url_that_does_not_insist_on_tls_may_be_reached_in_plain_text() {
        let url = |parameters| format!("postgres://u@one:1,two/space{parameters}");
        for plain in ["", "?sslmode=prefer", "?sslmode=disable&target_session_attrs=primary"] {
            assert_eq!(hosts_without_tls(&url(plain)), ["one", "two"], "{plain}");
        }
        for insists in ["?sslmode=require", "?sslmode=verify-ca", "?sslmode=verify-full"] {
            assert_eq!(hosts_without_tls(&url(insists)), [""; 0], "{insists}");
        }
        for of_none in ["postgres:///space?host=/run/postgresql", "sqlite:space.db", "postgres://one:x/space"]
        {
            assert_eq!(hosts_without_tls(of_none), [""; 0], "{of_none}");
        }
    }

    #[test]
    fn what_is_not_of_postgresql_or_asks_for_a_standby_is_refused() {
        assert!(matches!(hosts("mysql://one/space"), Err(OpenError::UnknownEngine)));
        assert!(matches!(hosts("one/space"), Err(OpenError::UnknownEngine)));
        for url in ["postgres://one/space?target_session_attrs=any", "postgres://one:x/space"] {
            assert!(matches!(hosts(url), Err(OpenError::Malformed)), "{url}");
        }
    }
}
