//! Reasons of a suspension, as a column keeps them.
use devspaces_authz::{Suspension, SuspensionReason};
use devspaces_ledger::db::Error;

/// The reasons that are stored so. What is not known is no permission to run: nothing is read then.
pub(crate) fn read(stored: &str) -> Result<Suspension, Error> {
    let reason = |name: &str| SuspensionReason::ALL.into_iter().find(|reason| reason.name() == name);
    let reasons: Option<Suspension> = stored.split_ascii_whitespace().map(reason).collect();
    reasons
        .ok_or_else(|| Error::from(sqlx::Error::Decode("an unknown reason of a suspension is stored".into())))
}

/// How reasons are stored.
pub(crate) fn stored(suspension: Suspension) -> String {
    let names: Vec<_> = suspension.reasons().map(SuspensionReason::name).collect();
    names.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_read_as_they_were_stored_and_no_others() {
        let all: Suspension = SuspensionReason::ALL.into_iter().collect();
        for suspension in [Suspension::NONE, Suspension::NONE.with(SuspensionReason::Security), all] {
            assert_eq!(read(&stored(suspension)).unwrap(), suspension);
        }
        assert!(["NEWER", "ABUSE NEWER", "ABUSE,LEGAL"].into_iter().all(|other| read(other).is_err()));
    }
}
