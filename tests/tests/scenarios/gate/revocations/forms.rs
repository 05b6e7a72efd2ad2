//! The forms in which it can be asked whether somebody has a permission.
use std::sync::Arc;

use devspaces::Service;
use devspaces_proto::authz::v1::{
    BatchCheckPermissionsRequest, ListPermissionsRequest, ListResourcesRequest, ListSubjectsRequest,
    check_permission_result::Outcome,
};
use tonic::{Code, Status};

use super::holders::{By, Holder, Stage};
use crate::acts::{
    authz::about,
    authzen::{EVALUATION, asks, posts_to},
};

#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    Check,
    Batch,
    Permissions,
    Subjects,
    Resources,
    /// An evaluation of AuthZEN.
    Evaluation,
}

pub(super) const FORMS: [Form; 6] =
    [Form::Check, Form::Batch, Form::Permissions, Form::Subjects, Form::Resources, Form::Evaluation];

/// Asks one service in all forms by turns, until that is over.
pub(super) async fn ask_without_pause(stage: Arc<Stage>, holder: Arc<Holder>, port: Service) {
    for form in FORMS.into_iter().cycle() {
        if stage.is_over() {
            return;
        }
        let turn = holder.turn();
        match says(form, &stage, &holder, port).await {
            Ok(allowed) => holder.answered(port as usize, turn, allowed),
            // On a machine that is busy with other tests facts may come too late.
            // Nobody who is deactivated may even ask.
            Err(status) if holder.by == By::Active && status.code() == Code::PermissionDenied => {
                holder.answered(port as usize, turn, false);
            }
            Err(status) if status.code() == Code::Unavailable => tokio::task::yield_now().await,
            Err(status) => panic!("{form:?} at {port}: {status:?}"),
        }
    }
}

async fn says(form: Form, stage: &Stage, holder: &Holder, port: Service) -> Result<bool, Status> {
    let (who, permission, resource) = (&holder.who, holder.by.permission(), &holder.resource);
    let mut authz = who.authz_of(port);
    let subject = String::new();
    let page_size = 1000;
    let form = match form {
        // Of services it is told to none that may not ask about others, or to none at all.
        Form::Subjects | Form::Resources if holder.by == By::Runtime => Form::Check,
        form => form,
    };
    Ok(match form {
        Form::Check => authz.check_permission(about("", permission, resource)).await?.into_inner().allowed,
        Form::Batch => {
            let checks = vec![about("", "space.create", ""), about("", permission, resource)];
            let answer = authz.batch_check_permissions(BatchCheckPermissionsRequest { checks }).await?;
            match answer.into_inner().results.pop().and_then(|result| result.outcome) {
                Some(Outcome::Response(response)) => response.allowed,
                Some(Outcome::Error(error)) => return Err(Status::new(error.code.into(), error.message)),
                None => panic!("no answer"),
            }
        }
        Form::Permissions => {
            let request = ListPermissionsRequest {
                subject,
                resource: resource.clone(),
                page_size,
                ..Default::default()
            };
            let page = authz.list_permissions(request).await?.into_inner();
            page.permissions.iter().any(|held| held.permission == permission)
        }
        Form::Subjects => {
            let (permission, resource) = (permission.to_owned(), resource.clone());
            let request = ListSubjectsRequest { permission, resource, page_size, ..Default::default() };
            let page = match stage.alice.authz_of(port).list_subjects(request).await {
                // Nobody administers an app that is deleted.
                Err(status) if status.code() == Code::PermissionDenied => return Ok(false),
                page => page?.into_inner(),
            };
            page.subjects.iter().any(|subject| subject.subject == who.name)
        }
        Form::Resources => {
            let permission = permission.to_owned();
            let request = ListResourcesRequest { subject, permission, page_size, ..Default::default() };
            let page = authz.list_resources(request).await?.into_inner();
            page.resources.iter().any(|found| found.resource == *resource)
        }
        Form::Evaluation => {
            let answer = posts_to(port, who, EVALUATION, &asks(&who.name, permission, resource)).await;
            match answer.status {
                403 => return Err(Status::permission_denied(answer.body.to_string())),
                503 => return Err(Status::unavailable(answer.body.to_string())),
                _ => answer.ok()["decision"].as_bool().expect("a decision"),
            }
        }
    })
}
