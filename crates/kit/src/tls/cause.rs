//! Why a port set up no TLS.
use std::io;

use tokio_rustls::rustls::{AlertDescription, Error, InvalidMessage};

/// Why TLS was not set up, as a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    PlainText,
    ClientCertificate,
    Refused,
    Connection,
    Other,
}

impl Cause {
    pub(crate) const ALL: [Self; 5] =
        [Self::PlainText, Self::ClientCertificate, Self::Refused, Self::Connection, Self::Other];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::PlainText => "plain_text",
            Self::ClientCertificate => "client_certificate",
            Self::Refused => "refused_by_client",
            Self::Connection => "connection",
            Self::Other => "other",
        }
    }

    pub(super) fn of(error: &io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref()) {
            None => Self::Connection,
            Some(Error::InvalidMessage(InvalidMessage::InvalidContentType)) => Self::PlainText,
            Some(Error::InvalidCertificate(_) | Error::NoCertificatesPresented) => Self::ClientCertificate,
            Some(Error::AlertReceived(alert)) if *alert != AlertDescription::CloseNotify => Self::Refused,
            Some(_) => Self::Other,
        }
    }
}
