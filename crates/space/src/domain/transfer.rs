//! Moves of apps between spaces (R-A7).
use std::time::Duration;

use devspaces_kit::{
    clock::Timestamp,
    name::{AppName, SpaceName, TransferName, UserName},
};
use serde_json::{Value, json};

use super::App;

/// R-A7: for how long a transfer can be accepted.
const OPEN: Duration = Duration::from_hours(7 * 24);

/// Where a transfer is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TransferState {
    Pending,
    Accepted,
    Declined,
    Cancelled,
    Expired,
}

impl TransferState {
    pub(crate) const ALL: [Self; 5] =
        [Self::Pending, Self::Accepted, Self::Declined, Self::Cancelled, Self::Expired];

    /// The name by which it is stored and told: "PENDING".
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Accepted => "ACCEPTED",
            Self::Declined => "DECLINED",
            Self::Cancelled => "CANCELLED",
            Self::Expired => "EXPIRED",
        }
    }
}

/// A transfer as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Transfer {
    pub(crate) name: TransferName,
    pub(crate) app: AppName,
    /// What the app was called when this was initiated.
    pub(crate) app_display_name: String,
    pub(crate) source: SpaceName,
    pub(crate) destination: SpaceName,
    pub(crate) initiator: UserName,
    /// As somebody has left it: see [`at`](Self::at).
    pub(crate) state: TransferState,
    pub(crate) create_time: Timestamp,
    pub(crate) expire_time: Timestamp,
    /// Absent while the state is `PENDING`.
    pub(crate) end_time: Option<Timestamp>,
    pub(crate) revision: i64,
}

impl Transfer {
    /// A transfer that waits to be accepted from now on.
    pub(crate) fn new(
        name: TransferName,
        app: &App,
        (source, destination): (SpaceName, SpaceName),
        initiator: UserName,
        now: Timestamp,
    ) -> Self {
        Self {
            name,
            app: app.name,
            app_display_name: app.details.display_name.clone(),
            source,
            destination,
            initiator,
            state: TransferState::Pending,
            create_time: now,
            expire_time: now + OPEN,
            end_time: None,
            revision: 0,
        }
    }

    /// The transfer as it is at this time: one that nobody ended in time has expired, though nobody noted it (R-A7).
    pub(crate) fn at(self, now: Timestamp) -> Self {
        if self.state == TransferState::Pending && self.expire_time <= now {
            return Self { state: TransferState::Expired, end_time: Some(self.expire_time), ..self };
        }
        self
    }

    pub(crate) fn is_pending(&self) -> bool {
        self.state == TransferState::Pending
    }

    /// The same, ended now.
    pub(crate) fn ended(&self, state: TransferState, now: Timestamp) -> Self {
        Self { state, end_time: Some(now), ..self.clone() }
    }

    /// What the journals of both spaces and of the app say of it.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "transfer": self.name.to_string(),
            "app": self.app.to_string(),
            "source": self.source.to_string(),
            "destination": self.destination.to_string(),
            "initiator": self.initiator.to_string(),
            "state": self.state.name(),
            "expire_time": self.expire_time.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::Details;

    // R-A7
    #[test]
    fn a_transfer_expires_seven_days_after_it_was_initiated_and_not_once_it_has_ended() {
        let [source, destination] = [1, 2].map(|id| SpaceName(Uuid::from_u128(id)));
        let start = Timestamp::EPOCH + Duration::from_hours(24);
        let app = App::new(AppName(Uuid::from_u128(3)), Some(source), Details::default(), start);
        let name = TransferName(Uuid::from_u128(4));
        let bob = UserName::from_stored("bob".into());
        let transfer = Transfer::new(name, &app, (source, destination), bob, start);
        let end = start + Duration::from_hours(7 * 24);
        assert!(transfer.clone().at(Timestamp::from_micros(end.micros() - 1)).is_pending());
        let expired = transfer.clone().at(end);
        assert_eq!((expired.state, expired.end_time), (TransferState::Expired, Some(end)));
        let declined = transfer.ended(TransferState::Declined, start);
        assert_eq!(declined.clone().at(end), declined);
    }
}
