//! Generates the API from `proto/`, without protoc.
use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
};

use prost::Message as _;

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    println!("cargo:rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    for area in fs::read_dir(root.join("devspaces"))? {
        for file in fs::read_dir(area?.path().join("v1"))? {
            files.push(file?.path());
        }
    }
    files.sort();
    // protox keeps the options of methods; prost's descriptor types would drop them, so the bytes come from it.
    let mut compiler = protox::Compiler::new([&root])?;
    compiler.include_imports(true).include_source_info(true).open_files(&files)?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptor_set.bin"), compiler.encode_file_descriptor_set())?;
    let set = prost_types_set(&compiler.encode_file_descriptor_set())?;
    fs::write(out.join("requests.rs"), method_requests(&set) + &mutation_requests(&set))?;
    tonic_prost_build::configure()
        .bytes(".devspaces.facts.v1.Version")
        // A request that is sent again is to have the same bytes (R-J5), in whatever order a map was sent.
        .btree_map(".devspaces.billing.v1.UsageEvent")
        .btree_map(".devspaces.billing.v1.ReserveUsageRequest")
        // They hold a secret on its way: see how they print in lib.rs.
        .skip_debug([
            ".devspaces.billing.v1.PaymentMethod",
            ".devspaces.events.v1.Webhook",
            ".devspaces.membership.v1.AcceptInvitationRequest",
            ".devspaces.membership.v1.DeclineInvitationRequest",
            ".devspaces.membership.v1.Invitation",
        ])
        .compile_fds(set)?;
    health(&out)
}

/// Generates the protocol of health checks, which is others' and not a part of the API. The crate that is made for it
/// lacks `List`.
fn health(out: &Path) -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("vendor");
    println!("cargo:rerun-if-changed={}", root.display());
    let mut compiler = protox::Compiler::new([&root])?;
    compiler.open_file(root.join("grpc/health/v1/health.proto"))?;
    let bytes = compiler.encode_file_descriptor_set();
    fs::write(out.join("health_descriptor_set.bin"), &bytes)?;
    tonic_prost_build::configure().compile_fds(prost_types_set(&bytes)?)?;
    Ok(())
}

/// Implements `MethodRequest` for the request of every method, of which each method has one of its own.
fn method_requests(set: &prost_types::FileDescriptorSet) -> String {
    let mut code = String::new();
    for file in set.file.iter().filter(|file| file.package().starts_with("devspaces.")) {
        for service in &file.service {
            for method in &service.method {
                let request = method.input_type().trim_start_matches(".devspaces.").replace('.', "::");
                code += &format!(
                    "impl MethodRequest for {request} {{
                        const METHOD: &'static str = \"{}.{}/{}\";
                    }}\n",
                    file.package(),
                    service.name(),
                    method.name()
                );
            }
        }
    }
    code
}

/// Implements `MutationRequest` for every message that has a `request_id`.
fn mutation_requests(set: &prost_types::FileDescriptorSet) -> String {
    let mut code = String::new();
    for file in &set.file {
        let path = file.package().strip_prefix("devspaces.").unwrap_or_default().replace('.', "::");
        for message in &file.message_type {
            let has = |name: &str| message.field.iter().any(|field| field.name() == name);
            if has("request_id") {
                let preview = if has("validate_only") { "self.validate_only" } else { "false" };
                code += &format!(
                    "impl MutationRequest for {path}::{} {{
                        fn request_id(&mut self) -> &mut String {{ &mut self.request_id }}
                        fn validate_only(&self) -> bool {{ {preview} }}
                    }}\n",
                    message.name()
                );
            }
        }
    }
    code
}

fn prost_types_set(bytes: &[u8]) -> Result<prost_types::FileDescriptorSet, prost::DecodeError> {
    prost_types::FileDescriptorSet::decode(bytes)
}
