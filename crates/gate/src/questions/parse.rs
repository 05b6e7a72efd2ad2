//! What is asked, by syntax alone, with every bad field at once.
use std::time::Duration;

use devspaces_authz::{Permission, ResourceType};
use devspaces_kit::{
    name::{AppName, Malformed, Principal, SpaceName},
    nearest::suggestion,
    page::{self, PageToken},
    status::{Fault, Fields, Reason},
};
use devspaces_proto::authz::v1::CheckPermissionRequest;
use tonic::Code;

use super::decide::Question;
use crate::resource::Resource;

/// Where in its request a question stands, which the paths of its fields begin with.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// It is the request.
    Request,
    /// Among the questions of a batch.
    Batch(usize),
}

impl Place {
    fn path(self, field: &str) -> String {
        match self {
            Self::Request => field.to_owned(),
            Self::Batch(index) => format!("checks[{index}].{field}"),
        }
    }
}

/// Reads the fields that questions have in common.
pub(crate) struct Parser {
    place: Place,
    fields: Fields,
    /// What is wrong with the permission, if there is none of the name.
    unknown: Option<String>,
}

impl Parser {
    pub(crate) fn new(place: Place) -> Self {
        Self { place, fields: Fields::new(), unknown: None }
    }

    /// Who is asked about: the caller if the field is empty.
    pub(crate) fn subject(&mut self, caller: &Principal, name: &str) -> Option<Principal> {
        if name.is_empty() {
            return Some(caller.clone());
        }
        self.name("subject", name)
    }

    /// R-P1: what the catalogue does not have, nobody may; but a typing error must not read like a denial.
    pub(crate) fn permission(&mut self, name: &str) -> Option<Permission> {
        let permission = Permission::parse(name);
        if permission.is_none() {
            let names = Permission::ALL.iter().map(|permission| permission.name());
            let nearest = suggestion(name, names);
            self.unknown = Some(format!("must be a permission that the catalogue of ListRoles has{nearest}"));
        }
        permission
    }

    /// The resource, of the kind that the permission is on.
    pub(crate) fn resource(&mut self, permission: Permission, name: &str) -> Option<Resource> {
        match permission.resource_type() {
            ResourceType::Platform if name.is_empty() => Some(Resource::Platform),
            ResourceType::Platform => {
                self.bad("resource", "must be empty, since this permission is on no resource");
                None
            }
            ResourceType::Space => self.name::<SpaceName>("resource", name).map(Resource::Space),
            ResourceType::App => self.name::<AppName>("resource", name).map(Resource::App),
        }
    }

    /// A resource of any kind that permissions are on.
    pub(crate) fn any_resource(&mut self, name: &str) -> Option<Resource> {
        if name.is_empty() {
            return Some(Resource::Platform);
        }
        let space = name.parse().map(Resource::Space);
        let found: Result<_, Malformed> = space.or_else(|_| name.parse().map(Resource::App));
        if found.is_err() {
            self.bad("resource", "must have the form spaces/{uuid} or apps/{uuid}, or be empty");
        }
        found.ok()
    }

    pub(crate) fn bad(&mut self, field: &str, sentence: &str) {
        self.fields.bad(self.place.path(field), sentence);
    }

    fn name<T: std::str::FromStr<Err = Malformed>>(&mut self, field: &str, name: &str) -> Option<T> {
        // The path is put together only where it is told: most questions are good, and there may be many.
        let parsed = name.parse();
        parsed.map_err(|malformed: Malformed| self.bad(field, &malformed.to_string())).ok()
    }

    /// Goes on with what was read, if all fields are good. A permission that there is not has a reason of its own, if
    /// nothing else is wrong.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` / `INVALID_FIELD` or `PERMISSION_UNKNOWN`.
    pub(crate) fn finish_with<T>(mut self, read: Option<T>) -> Result<T, Fault> {
        if let Some(sentence) = self.unknown {
            let path = self.place.path("permission");
            if self.fields.is_empty() {
                let message = format!("The field {path} {sentence}");
                return Err(Fault::new(Code::InvalidArgument, Reason::PermissionUnknown, message)
                    .field(path, sentence));
            }
            self.fields.bad(path, sentence);
        }
        self.fields.finish_with(read)
    }
}

/// A question as a request asks it, strict as yet: how old the facts may be is looked at when it is known that the caller
/// may ask.
pub(crate) fn check(
    caller: &Principal,
    request: &CheckPermissionRequest,
    place: Place,
) -> Result<Question, Fault> {
    let mut parser = Parser::new(place);
    let subject = parser.subject(caller, &request.subject);
    let permission = parser.permission(&request.permission);
    let resource = permission.and_then(|permission| parser.resource(permission, &request.resource));
    let ((subject, permission), resource) = parser.finish_with(subject.zip(permission).zip(resource))?;
    Ok(Question::strict(subject, permission, resource))
}

/// How old the facts may be. Nothing said is zero: strict.
pub(crate) fn max_age(staleness: Option<prost_types::Duration>, place: Place) -> Result<Duration, Fault> {
    let age = staleness.map_or(Ok(Duration::ZERO), Duration::try_from);
    age.map_err(|_| Fault::bad_field(place.path("max_staleness"), "must not be negative"))
}

/// How many entries a page of a list has, and after which key it begins.
pub(crate) fn page(size: i32, token: &str, tokens: &PageToken) -> Result<(usize, Option<Vec<u8>>), Fault> {
    let mut fields = Fields::new();
    let size = fields.check("page_size", page::size(size));
    let size = fields.finish_with(size)?;
    Ok((size, tokens.decode(token)?))
}
