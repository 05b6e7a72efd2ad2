//! Searches: `ListSubjects`, `ListResources` and `ListPermissions`. What is looked for has a type, whose `id` is passed
//! over. All that a permission is given to, and all that it is on, is of one type: who looks for another finds nothing.
use devspaces_kit::{
    server::{Call, Reply, Translation},
    status::Fault,
};
use devspaces_proto::{
    MethodRequest as _,
    authz::v1::{
        ListPermissionsRequest, ListPermissionsResponse, ListResourcesRequest, ListResourcesResponse,
        ListSubjectsRequest, ListSubjectsResponse,
    },
};
use prost::{Message as _, bytes::Bytes};
use serde::Serialize;

use super::{
    decision::{body, decoded},
    json::read,
    question::{Parts, Reader, entity, retold},
    request::Request,
};

/// Who may do something.
pub(super) struct SubjectSearch;
/// On what somebody may do something.
pub(super) struct ResourceSearch;
/// What somebody may do.
pub(super) struct ActionSearch;

impl Translation for SubjectSearch {
    fn method(&self) -> &'static str {
        ListSubjectsRequest::METHOD
    }

    fn read(&self, body: &[u8]) -> Result<Call, Fault> {
        let request: Request = read(body)?;
        let (mut reader, parts) = (Reader::new(), Parts::of(&request.question));
        let kind = reader.kind(&request.question.subject, "subject");
        let permission = reader.permission(&parts.action);
        let resource = reader.resource(&parts.resource, permission);
        let (page_size, page_token) = page(&mut reader, &request);
        let wanted = kind.map(Kind::of).zip(permission).zip(resource);
        let ((kind, permission), resource) = reader.finish_with(wanted)?;
        let permission = permission.name().to_owned();
        let list = ListSubjectsRequest { permission, resource, page_size, page_token, explain: false };
        Ok(Call { message: list.encode_to_vec(), reply: Box::new(Subjects(kind)) })
    }

    fn retold(&self, field: &str, sentence: &str) -> (String, String) {
        retold(field, sentence)
    }
}

impl Translation for ResourceSearch {
    fn method(&self) -> &'static str {
        ListResourcesRequest::METHOD
    }

    fn read(&self, body: &[u8]) -> Result<Call, Fault> {
        let request: Request = read(body)?;
        let (mut reader, parts) = (Reader::new(), Parts::of(&request.question));
        let subject = reader.subject(&parts.subject);
        let permission = reader.permission(&parts.action);
        let kind = reader.kind(&request.question.resource, "resource");
        let (page_size, page_token) = page(&mut reader, &request);
        let wanted = subject.zip(permission).zip(kind.map(Kind::of));
        let ((subject, permission), kind) = reader.finish_with(wanted)?;
        let (subject, permission) = (subject.to_string(), permission.name().to_owned());
        let list = ListResourcesRequest { subject, permission, page_size, page_token, explain: false };
        Ok(Call { message: list.encode_to_vec(), reply: Box::new(Resources(kind)) })
    }

    fn retold(&self, field: &str, sentence: &str) -> (String, String) {
        retold(field, sentence)
    }
}

impl Translation for ActionSearch {
    fn method(&self) -> &'static str {
        ListPermissionsRequest::METHOD
    }

    fn read(&self, body: &[u8]) -> Result<Call, Fault> {
        let request: Request = read(body)?;
        let (mut reader, parts) = (Reader::new(), Parts::of(&request.question));
        let subject = reader.subject(&parts.subject);
        let resource = reader.resource(&parts.resource, None);
        let (page_size, page_token) = page(&mut reader, &request);
        let (subject, resource) = reader.finish_with(subject.zip(resource))?;
        let subject = subject.to_string();
        let list = ListPermissionsRequest { subject, resource, page_size, page_token, explain: false };
        Ok(Call { message: list.encode_to_vec(), reply: Box::new(Actions) })
    }

    fn retold(&self, field: &str, sentence: &str) -> (String, String) {
        retold(field, sentence)
    }
}

/// How many entries a page is to have, and where it begins.
fn page(reader: &mut Reader, request: &Request) -> (i32, String) {
    let Some(page) = reader.optional(&request.page, "page") else { return (0, String::new()) };
    let limit = reader.optional(&page.limit, "page.limit").copied().unwrap_or_default();
    let token = reader.optional(&page.token, "page.token").cloned().unwrap_or_default();
    // More than fit the field are more than a page has.
    (i32::try_from(limit).unwrap_or(i32::MAX), token)
}

/// A type that is looked for. Of one that there is not, nothing is found.
#[derive(Clone, Copy, PartialEq)]
struct Kind(Option<&'static str>);

impl Kind {
    fn of(name: &str) -> Self {
        Self(["user", "service", "space", "app"].into_iter().find(|known| *known == name))
    }
}

/// What was found.
#[derive(Serialize)]
struct Found<T> {
    page: Page,
    context: Context,
    results: Vec<T>,
}

#[derive(Serialize)]
struct Page {
    /// Empty: it is the last.
    next_token: String,
    count: usize,
}

#[derive(Serialize)]
struct Context {
    as_of: Option<String>,
    #[serde(skip_serializing_if = "is_false")]
    everyone_signed_in: bool,
    #[serde(skip_serializing_if = "is_false")]
    every_service: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "so serde asks")]
fn is_false(it: &bool) -> bool {
    !it
}

impl Context {
    fn of(as_of: Option<prost_types::Timestamp>) -> Self {
        let as_of = as_of.map(|time| time.to_string());
        Self { as_of, everyone_signed_in: false, every_service: false }
    }
}

impl<T: Serialize> Found<T> {
    fn body(results: Vec<T>, next_token: String, context: Context) -> Result<Vec<u8>, Fault> {
        let page = Page { next_token, count: results.len() };
        body(&Found { page, context, results })
    }
}

/// A subject or a resource.
#[derive(Serialize)]
struct Entity {
    r#type: &'static str,
    id: String,
}

/// Those of a page that are of a type, and the token of the next page. Where some are of another, so are all that follow.
fn of_type(
    wanted: Kind,
    names: impl ExactSizeIterator<Item = String>,
    next: String,
) -> (Vec<Entity>, String) {
    let listed = names.len();
    let entity = |name: String| {
        let (kind, id) = entity(&name)?;
        (wanted.0 == Some(kind)).then(|| Entity { r#type: kind, id: id.to_owned() })
    };
    let entities: Vec<_> = names.filter_map(entity).collect();
    let next = if wanted.0.is_some() && entities.len() == listed { next } else { String::new() };
    (entities, next)
}

struct Subjects(Kind);

impl Reply for Subjects {
    fn write(&self, response: Bytes) -> Result<Vec<u8>, Fault> {
        let page: ListSubjectsResponse = decoded(response)?;
        let names = page.subjects.into_iter().map(|it| it.subject);
        let (subjects, next) = of_type(self.0, names, page.next_page_token);
        let context = Context {
            everyone_signed_in: page.everyone_signed_in,
            every_service: page.every_service,
            ..Context::of(page.as_of)
        };
        Found::body(subjects, next, context)
    }
}

struct Resources(Kind);

impl Reply for Resources {
    fn write(&self, response: Bytes) -> Result<Vec<u8>, Fault> {
        let page: ListResourcesResponse = decoded(response)?;
        let names = page.resources.into_iter().map(|it| it.resource);
        let (resources, next) = of_type(self.0, names, page.next_page_token);
        Found::body(resources, next, Context::of(page.as_of))
    }
}

struct Actions;

impl Reply for Actions {
    fn write(&self, response: Bytes) -> Result<Vec<u8>, Fault> {
        #[derive(Serialize)]
        struct Action {
            name: String,
        }
        let page: ListPermissionsResponse = decoded(response)?;
        let actions = page.permissions.into_iter().map(|it| Action { name: it.permission });
        Found::body(actions.collect(), page.next_page_token, Context::of(page.as_of))
    }
}
