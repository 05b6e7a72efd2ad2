use devspaces_gate::Context;
use devspaces_kit::{identity::Caller, status::Fault};
use devspaces_proto::billing::v1::Terms;

use crate::domain::terms;

/// R-B1
pub(super) async fn handle(context: &Context, caller: Caller) -> Result<Terms, Fault> {
    context.gate.require_active_person(&caller).await?;
    Ok(Terms { version: terms::VERSION.to_owned(), text: terms::TEXT.to_owned() })
}
