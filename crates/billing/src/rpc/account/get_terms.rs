use devspaces_kit::status::Fault;
use devspaces_proto::billing::v1::Terms;

use crate::domain::terms;

/// R-B1
pub(super) fn handle() -> Result<Terms, Fault> {
    Ok(Terms { version: terms::VERSION.to_owned(), text: terms::TEXT.to_owned() })
}
