//! Roles as they are stored.
use devspaces_authz::AppRole;
use devspaces_ledger::db::Error;

/// The contributor role that is stored by this name. The tables' CHECKs allow no other.
pub(crate) fn contributor(name: &str) -> Result<AppRole, Error> {
    let known = AppRole::ALL.into_iter().find(|role| role.name() == name);
    known.ok_or_else(|| Error::from(sqlx::Error::Decode("an unknown contributor role is stored".into())))
}
