use devspaces_kit::status::Fault;
use devspaces_proto::marketplace::v1::Terms;

use crate::domain::terms;

/// R-K1
pub(super) fn handle() -> Result<Terms, Fault> {
    Ok(Terms { version: terms::VERSION.to_owned(), text: terms::TEXT.to_owned() })
}
