//! Other servers that answer questions of permission, as `benches/peers.sh` has installed them, with the settings that
//! they come with. Each is asked what comes nearest to a strict check of one subject on a space: OpenFGA looks up the role
//! in its memory, Cerbos is told of it in the request.
use std::{
    env, fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use devspaces_tests::listen::listen;
use tokio::{
    process::{Child, Command},
    time::sleep,
};
use tonic::Status;

use super::{
    call::{Question, call},
    target::{Target, logged},
};

/// The variable with the folder.
const FOLDER: &str = "DEVSPACES_BENCH_PEERS";
/// How long a peer may take until it answers.
const START: Duration = Duration::from_secs(30);

const POLICY: &str = "\
apiVersion: api.cerbos.dev/v1
resourcePolicy:
  resource: space
  version: default
  rules:
    - actions: [space.get]
      effect: EFFECT_ALLOW
      roles: [admin, developer, viewer]
";

/// A peer that runs.
pub(super) struct Peer {
    pub(super) target: Target,
    pub(super) question: Question,
    _process: Child,
}

/// Starts those that are there, and says which are not.
pub(super) async fn start(folder: &Path) -> Vec<Peer> {
    let mut peers = Vec::new();
    match program("cerbos") {
        Some(program) => peers.push(cerbos(&program, folder).await),
        None => left_out("Cerbos"),
    }
    match program("openfga") {
        Some(program) => peers.push(openfga(&program, folder).await),
        None => left_out("OpenFGA"),
    }
    peers
}

fn left_out(name: &str) {
    println!("  {name} is left out: {FOLDER} names no folder with it, as benches/peers.sh makes one");
}

fn program(name: &str) -> Option<PathBuf> {
    let program = PathBuf::from(env::var_os(FOLDER)?).join(name);
    program.is_file().then_some(program)
}

async fn cerbos(program: &Path, folder: &Path) -> Peer {
    let policies = folder.join("policies");
    fs::create_dir(&policies).expect("a folder");
    fs::write(policies.join("space.yaml"), POLICY).expect("a policy");
    let (grpc, http) = (port().await, port().await);
    let mut command = Command::new(program);
    command
        .args(["server", "--set=storage.driver=disk"])
        .arg(format!("--set=storage.disk.directory={}", policies.display()))
        .arg(format!("--set=server.grpcListenAddr={grpc}"))
        .arg(format!("--set=server.httpListenAddr={http}"))
        .env("CERBOS_NO_TELEMETRY", "1");
    // CheckResources: the principal (id, roles), and actions on a resource (kind, id).
    let principal = [field(1, b"alice"), field(3, b"admin")].concat();
    let resource = [field(1, b"space"), field(3, b"team")].concat();
    let entry = [field(1, b"space.get"), field(2, &resource)].concat();
    let question = Question {
        path: "/cerbos.svc.v1.CerbosService/CheckResources",
        authorization: None,
        message: [field(3, &principal), field(4, &entry)].concat(),
        // EFFECT_ALLOW of the action, an entry of a map.
        allows: |answer| answer.windows(13).any(|part| part == b"\x0a\x09space.get\x10\x01"),
    };
    let (process, target) = run(command, "Cerbos", &grpc, folder);
    answers(&target.address, question.path, &question.message).await;
    Peer { target, question, _process: process }
}

async fn openfga(program: &Path, folder: &Path) -> Peer {
    const SERVICE: [&str; 4] = [
        "/openfga.v1.OpenFGAService/CreateStore",
        "/openfga.v1.OpenFGAService/WriteAuthorizationModel",
        "/openfga.v1.OpenFGAService/Write",
        "/openfga.v1.OpenFGAService/Check",
    ];
    let (grpc, http, metrics) = (port().await, port().await, port().await);
    let mut command = Command::new(program);
    command.args(["run", "--datastore-engine", "memory", "--playground-enabled=false"]).args([
        "--grpc-addr",
        &grpc,
        "--http-addr",
        &http,
        "--metrics-addr",
        &metrics,
    ]);
    let (process, target) = run(command, "OpenFGA", &grpc, folder);
    // The id of the new store, and of its model, is the first field of the response, 26 letters.
    let id = |response: Vec<u8>| response[2..28].to_vec();
    let store = id(answers(&target.address, SERVICE[0], &field(1, b"team")).await);
    let types = [field(2, &field(1, b"user")), field(2, &space_type()), field(3, b"1.1")].concat();
    let model = [field(1, &store), types].concat();
    let model = id(answers(&target.address, SERVICE[1], &model).await);
    let admin = [field(1, b"user:alice"), field(2, b"admin"), field(3, b"space:team")].concat();
    let write = [field(1, &store), field(2, &field(1, &admin)), field(4, &model)].concat();
    answers(&target.address, SERVICE[2], &write).await;
    let tuple = [field(1, b"user:alice"), field(2, b"can_get"), field(3, b"space:team")].concat();
    let question = Question {
        path: SERVICE[3],
        authorization: None,
        message: [field(1, &store), field(2, &tuple), field(4, &model)].concat(),
        allows: |answer| answer.starts_with(&[0x08, 1]),
    };
    Peer { target, question, _process: process }
}

/// OpenFGA's type of a space: roles that users have directly, and a permission that each of them grants.
fn space_type() -> Vec<u8> {
    const ROLES: [&[u8]; 3] = [b"admin", b"developer", b"viewer"];
    let entry = |key: &[u8], value: &[u8]| [field(1, key), field(2, value)].concat();
    let (direct, of_users) = (field(1, b""), field(1, &field(1, b"user")));
    let roles = ROLES.map(|role| field(2, &entry(role, &direct))).concat();
    let granting = ROLES.map(|role| field(1, &field(2, &field(2, role)))).concat();
    let permission = field(2, &entry(b"can_get", &field(4, &granting)));
    let metadata = ROLES.map(|role| field(1, &entry(role, &of_users))).concat();
    [field(1, b"space"), roles, permission, field(3, &metadata)].concat()
}

/// A field of a protobuf message: its number, and a text or a message.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut field = vec![(number << 3) | 2];
    prost::encode_length_delimiter(content.len(), &mut field).expect("a vector grows");
    [field, content.to_vec()].concat()
}

async fn port() -> String {
    listen().await.local_addr().expect("an address").to_string()
}

fn run(mut command: Command, name: &str, address: &str, folder: &Path) -> (Child, Target) {
    logged(&mut command, name, folder);
    let log = fs::File::create(folder.join(format!("{name}.out"))).expect("a file for the log");
    let process = command.stdout(log).kill_on_drop(true).spawn().expect("a peer that starts");
    let processes = process.id().into_iter().collect();
    let target = Target {
        name: name.to_owned(),
        address: format!("http://{address}"),
        authority: None,
        processes,
        database: None,
    };
    (process, target)
}

/// Calls a peer, which may have to start first.
async fn answers(address: &str, path: &'static str, message: &[u8]) -> Vec<u8> {
    let begin = Instant::now();
    loop {
        match call((address, None), path, None, message.to_vec()).await {
            Ok(answer) => return answer,
            Err(status) if begin.elapsed() > START || !starting(&status) => panic!("{path}: {status}"),
            Err(_) => sleep(Duration::from_millis(100)).await,
        }
    }
}

fn starting(status: &Status) -> bool {
    status.code() == tonic::Code::Unavailable
}
