//! Admins in an emergency.
use devspaces_kit::{
    clock::{Timestamp, end_ahead},
    name::{MemberName, SpaceName, UserName},
    status::{Fault, Fields},
    text,
};
use devspaces_proto::membership::v1::GrantEmergencyAdminRequest;

use crate::domain::EMERGENCY_MAX;

/// Who is to be Admin of which space, why, and until when.
#[derive(Clone, Debug)]
pub(crate) struct Emergency {
    pub(crate) name: MemberName,
    pub(crate) reason: String,
    pub(crate) expire_time: Timestamp,
}

/// What a request asks for.
///
/// # Errors
/// `INVALID_ARGUMENT` that names each field that is wrong.
pub(crate) fn read(request: &GrantEmergencyAdminRequest, now: Timestamp) -> Result<Emergency, Fault> {
    let mut fields = Fields::new();
    let space = fields.parse::<SpaceName>("space", &request.space);
    let user = fields.parse::<UserName>("user", &request.user);
    let reason = fields.check("reason", text::reason(&request.reason));
    let end = fields.check("expire_time", end(request.expire_time, now));
    let read = space.zip(user).zip(reason).zip(end);
    let (((space, user), reason), expire_time) = fields.finish_with(read)?;
    Ok(Emergency { name: MemberName { space, user }, reason: reason.to_owned(), expire_time })
}

fn end(end: Option<prost_types::Timestamp>, now: Timestamp) -> Result<Timestamp, String> {
    match end_ahead(end, now)? {
        Some(end) if end <= now + EMERGENCY_MAX => Ok(end),
        Some(_) => Err("must be at most 24 hours ahead (R-M14)".to_owned()),
        None => Err("must be given: when the role ends, at most 24 hours ahead (R-M14)".to_owned()),
    }
}
