//! Reads what is asked: types, ids and names of JSON become the names of the API, by syntax alone and with every bad field
//! at once. Nothing is left to `AuthzService` of which it would say that it is missing or malformed: an empty subject is
//! there the caller, which nobody must become by an omission, and its errors speak of other fields.
use devspaces_authz::{Permission, ResourceType};
use devspaces_kit::{
    name::{AppName, Principal, SpaceName},
    nearest::suggestion,
    status::{Fault, Fields, Reason},
};
use devspaces_proto::authz::v1::CheckPermissionRequest;
use tonic::Code;

use super::{
    json::{Given, Shape},
    request::{Entity, Question},
};

/// The longest id that is looked at, in bytes. Of principals none is longer.
const MAX_ID: usize = 512;

const USER: &str = "user";
const SERVICE: &str = "service";

/// A part of a question, and the path at which it was said.
pub(super) type Said<'a> = (&'a Given<Entity>, String);

/// Where the parts of a question were said.
pub(super) struct Parts<'a> {
    pub(super) subject: Said<'a>,
    pub(super) action: Said<'a>,
    pub(super) resource: Said<'a>,
}

impl<'a> Parts<'a> {
    /// Those of a request that is one question.
    pub(super) fn of(question: &'a Question) -> Self {
        Self {
            subject: (&question.subject, "subject".to_owned()),
            action: (&question.action, "action".to_owned()),
            resource: (&question.resource, "resource".to_owned()),
        }
    }

    /// Those of one question among several: what it does not say is as for all.
    pub(super) fn of_one(index: usize, question: &'a Question, all: &'a Question) -> Self {
        let said = |own: &'a Given<Entity>, common: &'a Given<Entity>, name: &str| match (own, common) {
            (Given::Nothing, Given::Wrong | Given::Value(_)) => (common, name.to_owned()),
            _ => (own, format!("evaluations[{index}].{name}")),
        };
        Self {
            subject: said(&question.subject, &all.subject, "subject"),
            action: said(&question.action, &all.action, "action"),
            resource: said(&question.resource, &all.resource, "resource"),
        }
    }
}

/// Reads parts of a request, and remembers what is wrong with them.
pub(super) struct Reader {
    fields: Fields,
    /// The path of a permission that there is not, and what is said of it.
    unknown: Option<(String, String)>,
}

impl Reader {
    pub(super) fn new() -> Self {
        Self { fields: Fields::new(), unknown: None }
    }

    /// The whole question.
    pub(super) fn check(&mut self, parts: &Parts<'_>) -> Option<CheckPermissionRequest> {
        let subject = self.subject(&parts.subject);
        let permission = self.permission(&parts.action);
        let resource = self.resource(&parts.resource, permission);
        let ((subject, permission), resource) = subject.zip(permission).zip(resource)?;
        Some(CheckPermissionRequest {
            subject: subject.to_string(),
            permission: permission.name().to_owned(),
            resource,
            max_staleness: None,
        })
    }

    pub(super) fn subject(&mut self, (given, path): &Said<'_>) -> Option<Principal> {
        let (kind, id) = self.identified((given, path))?;
        let collection = match kind {
            USER => "users",
            SERVICE => "services",
            _ => {
                self.fields.bad(kind_of(path), "must be \"user\" or \"service\"");
                return None;
            }
        };
        let name = (id.len() <= MAX_ID).then(|| format!("{collection}/{id}"));
        let principal = name.and_then(|name| name.parse().ok());
        if principal.is_none() {
            let sentence =
                format!("must be the id in {collection}/{{id}}: percent-encoded, and of 1 to {MAX_ID} bytes");
            self.fields.bad(id_of(path), sentence);
        }
        principal
    }

    /// R-P1: what the catalogue does not have, nobody may; but a typing error must not read like a denial.
    pub(super) fn permission(&mut self, (given, path): &Said<'_>) -> Option<Permission> {
        let action = self.required(given, path)?;
        let path = format!("{path}.name");
        let name = self.required(&action.name, &path)?;
        let permission = Permission::parse(name);
        if permission.is_none() {
            let names = Permission::ALL.iter().map(|permission| permission.name());
            let nearest = suggestion(name, names);
            self.unknown = Some((path, format!("must be a permission that the catalogue has{nearest}")));
        }
        permission
    }

    /// The name of a resource of the kind that the permission is on, or of any where none is asked about.
    pub(super) fn resource(
        &mut self,
        (given, path): &Said<'_>,
        permission: Option<Permission>,
    ) -> Option<String> {
        let (kind, id) = self.identified((given, path))?;
        let Some(kind) = resource_type(kind) else {
            self.fields.bad(kind_of(path), "must be \"space\", \"app\" or \"platform\"");
            return None;
        };
        if let Some(needed) = permission.map(Permission::resource_type).filter(|needed| *needed != kind) {
            let needed = type_name(needed);
            self.fields
                .bad(kind_of(path), format!("must be \"{needed}\": that is what this permission is on"));
            return None;
        }
        let name = match kind {
            ResourceType::Platform => return Some(String::new()),
            ResourceType::Space => named(id, "spaces").filter(|name| name.parse::<SpaceName>().is_ok()),
            ResourceType::App => named(id, "apps").filter(|name| name.parse::<AppName>().is_ok()),
        };
        if name.is_none() {
            let sentence = format!("must be the UUID in {}s/{{uuid}}, in lower case", type_name(kind));
            self.fields.bad(id_of(path), sentence);
        }
        name
    }

    /// The type of what is looked for.
    pub(super) fn kind<'a>(&mut self, given: &'a Given<Entity>, path: &str) -> Option<&'a str> {
        let entity = self.required(given, path)?;
        self.required(&entity.kind, &kind_of(path)).map(String::as_str)
    }

    /// Type and id of an entity that is to have both.
    fn identified<'a>(&mut self, (given, path): (&'a Given<Entity>, &str)) -> Option<(&'a str, &'a str)> {
        let entity = self.required(given, path)?;
        let kind = self.required(&entity.kind, &kind_of(path));
        let id = self.required(&entity.id, &id_of(path));
        kind.zip(id).map(|(kind, id)| (kind.as_str(), id.as_str()))
    }

    pub(super) fn required<'a, T: Shape>(&mut self, given: &'a Given<T>, path: &str) -> Option<&'a T> {
        if matches!(given, Given::Nothing) {
            self.fields.bad(path, "is required");
        }
        self.optional(given, path)
    }

    pub(super) fn optional<'a, T: Shape>(&mut self, given: &'a Given<T>, path: &str) -> Option<&'a T> {
        match given {
            Given::Value(value) => Some(value),
            Given::Nothing => None,
            Given::Wrong => {
                self.bad(path, format!("must be {}", T::KIND));
                None
            }
        }
    }

    pub(super) fn bad(&mut self, path: &str, sentence: impl Into<String>) {
        self.fields.bad(path, sentence);
    }

    /// Goes on if nothing is wrong. A permission that there is not has a reason of its own, if nothing else is.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` / `INVALID_FIELD` or `PERMISSION_UNKNOWN`.
    pub(super) fn finish_with<T>(mut self, read: Option<T>) -> Result<T, Fault> {
        if let Some((path, sentence)) = self.unknown {
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

fn kind_of(path: &str) -> String {
    format!("{path}.type")
}

fn id_of(path: &str) -> String {
    format!("{path}.id")
}

/// The name of what has this id, unless that is too long for any.
fn named(id: &str, collection: &str) -> Option<String> {
    (id.len() <= MAX_ID).then(|| format!("{collection}/{id}"))
}

const fn type_name(kind: ResourceType) -> &'static str {
    match kind {
        ResourceType::Platform => "platform",
        ResourceType::Space => "space",
        ResourceType::App => "app",
    }
}

fn resource_type(name: &str) -> Option<ResourceType> {
    let all = [ResourceType::Platform, ResourceType::Space, ResourceType::App];
    all.into_iter().find(|kind| type_name(*kind) == name)
}

/// The type and id of what has a name in the API: `users/alice` is the user alice.
pub(super) fn entity(name: &str) -> Option<(&'static str, &str)> {
    let (collection, id) = name.split_once('/')?;
    let kind = match collection {
        "users" => USER,
        "services" => SERVICE,
        "spaces" => type_name(ResourceType::Space),
        "apps" => type_name(ResourceType::App),
        _ => return None,
    };
    Some((kind, id))
}

/// What is said of a field of `AuthzService`'s requests, as it is said of the field of JSON that it was read from.
pub(super) fn retold(field: &str, sentence: &str) -> (String, String) {
    let renamed = |field: &str| match field {
        "permission" => "action.name".to_owned(),
        "page_size" => "page.limit".to_owned(),
        "page_token" => "page.token".to_owned(),
        "checks" => "evaluations".to_owned(),
        other => other.to_owned(),
    };
    let one = field.strip_prefix("checks[").and_then(|rest| rest.split_once("]."));
    let path = match one {
        Some((index, field)) => format!("evaluations[{index}].{}", renamed(field)),
        None => renamed(field),
    };
    let sentence = match field {
        "page_token" => "must be a next_token that the same search gave for the same request",
        _ => sentence,
    };
    (path, sentence.to_owned())
}
