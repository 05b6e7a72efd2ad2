//! Role bindings as CSV (RFC 4180).
use csv::{Terminator, WriterBuilder};
use devspaces_kit::{clock::Timestamp, status::Fault};
use devspaces_proto::membership::v1::RoleBinding;

const HEADER: [&str; 13] = [
    "user",
    "plane",
    "resource",
    "role",
    "view_all_apps",
    "way",
    "derived_from",
    "start_time",
    "given_by",
    "expire_time",
    "deactivated",
    "emergency",
    "group",
];

/// Some records, with the header before them if they are the first.
///
/// # Errors
/// `INTERNAL`, for a defect: writing to memory does not fail.
pub(super) fn records(bindings: &[RoleBinding], first: bool) -> Result<Vec<u8>, Fault> {
    let mut piece = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    if first {
        piece.write_record(HEADER).map_err(Fault::internal)?;
    }
    for binding in bindings {
        piece.write_record(record(binding)).map_err(Fault::internal)?;
    }
    piece.into_inner().map_err(Fault::internal)
}

/// What stands in the columns of the header. Ids of people are percent-encoded, so that none begins with what a spreadsheet
/// takes for a formula.
fn record(binding: &RoleBinding) -> [String; 13] {
    let time = |time: Option<prost_types::Timestamp>| {
        time.and_then(|time| Timestamp::try_from(time).ok()).map(|time| time.to_string()).unwrap_or_default()
    };
    let short = |name: &str, prefix: &str| {
        let name = name.strip_prefix(prefix).unwrap_or(name);
        if name == "UNSPECIFIED" { String::new() } else { name.to_owned() }
    };
    [
        binding.user.clone(),
        short(binding.plane().as_str_name(), "PLANE_"),
        binding.resource.clone(),
        short(binding.role().as_str_name(), "ROLE_"),
        binding.view_all_apps.to_string(),
        short(binding.way().as_str_name(), "WAY_"),
        short(binding.derived_from().as_str_name(), "ROLE_"),
        time(binding.start_time),
        binding.given_by.clone(),
        time(binding.expire_time),
        binding.deactivated.to_string(),
        binding.emergency.to_string(),
        binding.group.clone(),
    ]
}
