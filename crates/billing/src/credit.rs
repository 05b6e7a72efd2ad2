//! How accounts come to have credit (R-B10).
use devspaces_kit::name::{AccountName, InvoiceName};
use devspaces_ledger::{Tx, db::Error};
use rust_decimal::Decimal;

use crate::{domain::credit::Credit, store};

/// Credits an account so much, for a reason, and by what invoice if by any. The change that is told in the journal is the caller's.
pub(crate) async fn add(
    tx: &mut Tx,
    account: AccountName,
    (amount, currency): (Decimal, &str),
    reason: &str,
    invoice: Option<InvoiceName>,
) -> Result<Credit, Error> {
    let credit = Credit {
        number: store::credit::next_number(tx, account.0).await?,
        currency: currency.to_owned(),
        amount,
        remaining: amount,
        reason: reason.to_owned(),
        invoice,
        create_time: tx.time(),
    };
    store::credit::insert(tx, account.0, &credit).await?;
    Ok(credit)
}
