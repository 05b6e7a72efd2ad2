use devspaces_proto::marketplace::v1::Terms;

use crate::domain::terms;

/// R-K1
pub(super) fn handle() -> Terms {
    Terms { version: terms::VERSION.to_owned(), text: terms::TEXT.to_owned() }
}
