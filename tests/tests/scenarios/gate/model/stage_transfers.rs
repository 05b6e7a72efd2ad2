//! The calls of a walk that move apps between spaces.
use devspaces_proto::space::v1::{AcceptTransferRequest, InitiateTransferRequest};
use devspaces_tests::Persona;
use tonic::Status;

use super::{op::Op, stage::Stage};
use crate::acts::transfers::{cancels_transfer, declines_transfer, initiates, initiation};

impl Stage<'_> {
    pub(super) async fn transfers_app(
        &mut self,
        who: &Persona,
        op: &Op,
        validate_only: bool,
    ) -> Result<(), Status> {
        match *op {
            Op::InitiateTransfer { app, space } => {
                let request = initiation(&self.apps[app], &self.spaces[space]);
                let made = initiates(who, InitiateTransferRequest { validate_only, ..request }).await?;
                if !validate_only {
                    self.transfers.push(made.name);
                }
                Ok(())
            }
            Op::AcceptTransfer { transfer } => {
                let name = self.transfers[transfer].clone();
                let request =
                    AcceptTransferRequest { name, validate_only, ..AcceptTransferRequest::default() };
                who.apps().accept_transfer(request).await.map(drop)
            }
            Op::DeclineTransfer { transfer } => {
                declines_transfer(who, &self.transfers[transfer]).await.map(drop)
            }
            Op::CancelTransfer { transfer } => {
                cancels_transfer(who, &self.transfers[transfer]).await.map(drop)
            }
            _ => unreachable!("{op:?} moves no app"),
        }
    }
}
