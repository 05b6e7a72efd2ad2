use devspaces_gate::Context;
use devspaces_kit::{identity::Caller, status::Fault};
use devspaces_proto::marketplace::v1::{GetTermsRequest, Terms};

use crate::domain::terms;

/// R-K1
pub(super) fn handle(
    _: &Context,
    _: Caller,
    _: GetTermsRequest,
) -> impl Future<Output = Result<Terms, Fault>> + use<> {
    let current = Terms { version: terms::VERSION.to_owned(), text: terms::TEXT.to_owned() };
    std::future::ready(Ok(current))
}
