//! Suspensions and their reasons.
use devspaces_authz::{SuspendedBy, Suspension, SuspensionReason};
use devspaces_kit::{
    status::{Fault, Fields},
    text,
};
use devspaces_proto::space::v1 as proto;

use crate::domain::Cause;

fn wire_reason(reason: SuspensionReason) -> proto::standing::Reason {
    match reason {
        SuspensionReason::Abuse => proto::standing::Reason::Abuse,
        SuspensionReason::Security => proto::standing::Reason::Security,
        SuspensionReason::Legal => proto::standing::Reason::Legal,
        SuspensionReason::PastDue => proto::standing::Reason::PastDue,
        SuspensionReason::Consent => proto::standing::Reason::Consent,
        SuspensionReason::Cap => proto::standing::Reason::Cap,
    }
}

/// How something stands that is suspended for these reasons.
pub(crate) fn standing(suspension: Suspension) -> proto::Standing {
    proto::Standing {
        suspended: !suspension.is_none(),
        reasons: suspension.reasons().map(|reason| wire_reason(reason).into()).collect(),
    }
}

/// Why something is to be suspended, or no longer: for a reason that is the operator's to set and to lift.
pub(crate) fn cause(reason: i32, note: String) -> Result<Cause, Fault> {
    let mut fields = Fields::new();
    let mut of_operator =
        SuspensionReason::ALL.into_iter().filter(|known| known.set_by() == SuspendedBy::Operator);
    let known = of_operator.find(|known| wire_reason(*known) as i32 == reason);
    let known = known.ok_or("must be REASON_ABUSE, REASON_SECURITY or REASON_LEGAL");
    let reason = fields.check("reason", known);
    fields.check("note", text::description(&note));
    Ok(Cause { reason: fields.finish_with(reason)?, note })
}
