//! Collecting everything that is wrong with a request before it is answered.
use std::str::FromStr;

use tonic::Code;

use super::{Fault, Reason};
use crate::name::Malformed;

/// The bad fields of a request, all of which are named in one answer.
#[derive(Debug, Default)]
#[must_use = "finish() turns what was collected into an answer"]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// No bad field yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Records a bad field by its path, with a sentence that completes "the field …" and does not repeat its value.
    pub fn bad(&mut self, path: impl Into<String>, sentence: impl Into<String>) {
        self.0.push((path.into(), sentence.into()));
    }

    /// The name in a field, or nothing and the field is recorded as bad.
    pub fn parse<T: FromStr<Err = Malformed>>(&mut self, path: impl Into<String>, text: &str) -> Option<T> {
        let parsed = text.parse().map_err(|malformed: Malformed| malformed.to_string());
        self.check(path, parsed)
    }

    /// What a check of a field yields, or nothing and the field is recorded as bad, with the sentence of the check.
    pub fn check<T>(&mut self, path: impl Into<String>, checked: Result<T, impl Into<String>>) -> Option<T> {
        match checked {
            Ok(value) => Some(value),
            Err(sentence) => {
                self.bad(path, sentence);
                None
            }
        }
    }

    /// The fields that an update changes (AIP-134): those that the mask names, of those that can be changed; all for
    /// "*"; without a mask, those that are populated. `updatable` says of each field whether it is populated.
    pub fn mask<'a>(
        &mut self,
        path: &str,
        mask: Option<&prost_types::FieldMask>,
        updatable: &[(&'a str, bool)],
    ) -> Vec<&'a str> {
        let all = updatable.iter().map(|(field, _)| *field);
        match mask.map(|mask| mask.paths.as_slice()).unwrap_or_default() {
            [] => updatable.iter().filter(|(_, populated)| *populated).map(|(field, _)| *field).collect(),
            [star] if star == "*" => all.collect(),
            paths => {
                if paths.iter().any(|path| !updatable.iter().any(|(field, _)| field == path)) {
                    let fields: Vec<_> = all.clone().collect();
                    self.bad(
                        path,
                        format!("may name only {}; or \"*\" alone for all of them", fields.join(", ")),
                    );
                }
                all.filter(|field| paths.iter().any(|path| path == field)).collect()
            }
        }
    }

    /// Whether no field is bad so far.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Goes on if all fields are good.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` / `INVALID_FIELD`, naming every bad field.
    pub fn finish(self) -> Result<(), Fault> {
        let message = match self.0.as_slice() {
            [] => return Ok(()),
            [(path, sentence)] => format!("The field {path} {sentence}"),
            several => format!("{} fields are not acceptable", several.len()),
        };
        let fault = Fault::new(Code::InvalidArgument, Reason::InvalidField, message);
        Err(self.0.into_iter().fold(fault, |fault, (path, sentence)| fault.field(path, sentence)))
    }

    /// Goes on with what the checks of all fields yielded, if all fields are good.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` / `INVALID_FIELD`, naming every bad field.
    pub fn finish_with<T>(self, checked: Option<T>) -> Result<T, Fault> {
        self.finish()?;
        checked.ok_or_else(|| Fault::internal("a field failed its check and was not recorded"))
    }
}

/// What stands in the way of a change, all of which is named in one answer.
#[derive(Debug, Default)]
#[must_use = "finish() turns what was collected into an answer"]
pub struct Blockers(Vec<(Reason, String, String)>);

impl Blockers {
    /// Nothing in the way yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Records an obstacle: its kind, the name of the resource that has it, and a sentence for people.
    pub fn add(&mut self, kind: Reason, subject: impl Into<String>, sentence: impl Into<String>) {
        self.0.push((kind, subject.into(), sentence.into()));
    }

    /// Whether nothing is in the way so far.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Goes on if nothing is in the way.
    ///
    /// # Errors
    /// `FAILED_PRECONDITION` with the reason of the first obstacle, naming every one.
    pub fn finish(self) -> Result<(), Fault> {
        let (reason, message) = match self.0.as_slice() {
            [] => return Ok(()),
            [(reason, _, sentence)] => (*reason, sentence.clone()),
            [(reason, ..), ..] => (*reason, format!("{} things stand in the way", self.0.len())),
        };
        let fault = Fault::new(Code::FailedPrecondition, reason, message);
        Err(self.0.into_iter().fold(fault, |fault, (kind, subject, text)| fault.blocker(kind, subject, text)))
    }
}

#[cfg(test)]
mod tests {
    use tonic::Status;
    use tonic_types::StatusExt as _;

    use super::*;
    use crate::name::{Principal, SpaceName};

    #[test]
    fn a_mask_names_fields_that_can_be_changed() {
        let updatable = [("role", true), ("view_all_apps", false)];
        let of = |paths: &[&str]| {
            let mut fields = Fields::new();
            let mask = prost_types::FieldMask { paths: paths.iter().map(ToString::to_string).collect() };
            (fields.mask("update_mask", Some(&mask), &updatable), fields.is_empty())
        };
        assert_eq!(of(&[]), (vec!["role"], true));
        assert_eq!(of(&["*"]), (vec!["role", "view_all_apps"], true));
        assert_eq!(of(&["view_all_apps", "view_all_apps"]), (vec!["view_all_apps"], true));
        for bad in [&["etag"][..], &["role", "name"], &["*", "role"], &[""]] {
            assert!(!of(bad).1, "{bad:?}");
        }
    }

    #[test]
    fn every_bad_field_is_reported_at_once_and_no_value_is_repeated() {
        let mut fields = Fields::new();
        assert_eq!(fields.parse::<SpaceName>("name", "spaces/secret"), None);
        assert_eq!(fields.parse("user", "users/a"), Some(Principal::user("a")));
        assert_eq!(fields.check("page_size", Err::<(), _>("must not be negative")), None);
        let status = Status::from(fields.finish().expect_err("two bad fields"));
        let details = status.get_error_details();
        let violations = &details.bad_request().expect("a BadRequest").field_violations;
        let paths: Vec<_> = violations.iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(paths, ["name", "page_size"]);
        assert_eq!(violations[0].description, "must have the form spaces/{uuid}");
        assert_eq!((status.code(), status.message()), (Code::InvalidArgument, "2 fields are not acceptable"));
        assert_eq!(details.error_info().map(|info| info.reason.as_str()), Some("INVALID_FIELD"));
        assert!(!format!("{status:?}").contains("secret"));
    }

    #[test]
    fn good_fields_go_on() {
        assert_eq!(Fields::new().finish(), Ok(()));
        assert_eq!(Blockers::new().finish(), Ok(()));
    }

    #[test]
    fn every_blocker_is_reported_at_once_with_its_kind_and_subject() {
        let mut blockers = Blockers::new();
        blockers.add(Reason::SpaceArchived, "spaces/a", "The space is archived");
        blockers.add(Reason::LastAdmin, "spaces/a", "The space would have no Admin");
        let status = Status::from(blockers.finish().expect_err("two blockers"));
        let details = status.get_error_details();
        let violations = &details.precondition_failure().expect("a PreconditionFailure").violations;
        let kinds: Vec<_> = violations.iter().map(|violation| violation.r#type.as_str()).collect();
        assert_eq!(kinds, ["SPACE_ARCHIVED", "LAST_ADMIN"]);
        assert_eq!(violations[1].subject, "spaces/a");
        assert_eq!(status.code(), Code::FailedPrecondition);
        assert_eq!(details.error_info().map(|info| info.reason.as_str()), Some("SPACE_ARCHIVED"));
    }
}
