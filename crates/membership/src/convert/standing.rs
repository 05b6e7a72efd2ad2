//! How people stand.
use devspaces_kit::{
    name::UserName,
    status::{Fault, Fields},
    text,
};
use devspaces_proto::membership::v1::{self as proto, user_standing::State};

use crate::domain::{Activity, Standing};

/// How a person stands of whom there may never have been a change.
pub(crate) fn to_wire(person: &UserName, standing: Option<&Standing>) -> proto::UserStanding {
    let state = match standing.map(|standing| standing.activity) {
        None | Some(Activity::Active) => State::Active,
        Some(Activity::Deactivated) => State::Deactivated,
        Some(Activity::Removing | Activity::Removed) => State::Removed,
    };
    proto::UserStanding {
        name: person.to_string(),
        state: state.into(),
        reason: standing.map(|standing| standing.reason.clone()).unwrap_or_default(),
        update_time: standing.map(|standing| standing.update_time.into()),
        remove_time: standing.and_then(Standing::remove_time).map(Into::into),
    }
}

/// Why somebody's standing is changed.
pub(crate) fn reason(reason: &str) -> Result<String, Fault> {
    let mut fields = Fields::new();
    let reason = fields.check("reason", text::reason(reason));
    fields.finish_with(reason).map(str::to_owned)
}
