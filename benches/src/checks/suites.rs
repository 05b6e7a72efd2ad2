//! The suites that are measured: processes of the release binary with the settings of an installation.
use std::{collections::BTreeMap, time::Duration};

use devspaces::{Service, keys};
use devspaces_kit::{
    clock::SystemClock,
    identity::{DevIssuer, SigningKey},
    name::Principal,
    telemetry::DEFAULT_FILTER,
};
use devspaces_proto::membership::v1::{AddMembersRequest, ConsoleRole, Member};
use devspaces_tests::{
    Engine, Persona, Port,
    engine::{Databases, temporary_folder},
    process::{Processes, binary},
};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tonic::transport::Channel;

use super::{
    call::Question,
    database::Database,
    target::{Target, logged, start},
};

/// What has each call logged, as docs/operations.md says.
const ACCESS_LOG: &str = "devspaces_kit::server::log=debug";

/// How long tokens live: longer than a run.
const LIFETIME: Duration = Duration::from_hours(3);

/// A suite that runs, with a space in it.
pub(super) struct Suite {
    /// Its space service, and all its processes.
    pub(super) target: Target,
    pub(super) database: Option<Database>,
    issuer: DevIssuer,
    ports: BTreeMap<Service, Port>,
    /// An Admin of the space, who made it.
    pub(super) owner: Persona,
    pub(super) space: String,
    app: String,
    _running: Running,
}

/// What ends when a suite is dropped. The processes come before the folder that they write to.
enum Running {
    Together { _process: Child, _folder: TempDir },
    Apart { _processes: Box<Processes>, _logs: TempDir },
}

impl Suite {
    /// `devspaces dev`: all services in one process, on SQLite.
    pub(super) async fn together() -> Self {
        Self::together_logging("dev, SQLite", DEFAULT_FILTER).await
    }

    /// The same with an access log: a line for each call.
    pub(super) async fn together_with_access_log() -> Self {
        let filter = format!("{DEFAULT_FILTER},{ACCESS_LOG}");
        Self::together_logging("dev, SQLite, each call logged", &filter).await
    }

    async fn together_logging(name: &str, filter: &str) -> Self {
        let folder = temporary_folder();
        let mut command = Command::new(binary());
        command.args(["dev", "--listen", "127.0.0.1:0", "--log", filter, "--data-dir"]).arg(folder.path());
        let (process, mut target) = start(&mut command, "dev", folder.path()).await;
        name.clone_into(&mut target.name);
        let key = SigningKey::load(&folder.path().join(keys::ISSUER)).expect("the issuer's key");
        let port = Port::at(&[target.address.parse().expect("an address")]);
        let ports = Service::ALL.map(|service| (service, port.clone())).into();
        let running = Running::Together { _process: process, _folder: folder };
        Self::with_a_space(target, None, key, ports, running).await
    }

    /// `devspaces serve`: each service in a process of its own, on PostgreSQL.
    pub(super) async fn apart() -> Self {
        let databases = Databases::create(Engine::Postgres).await;
        Self::of("serve, PostgreSQL", Processes::directly_connected(databases).await).await
    }

    /// The same with TLS between everything but the database.
    pub(super) async fn apart_with_tls() -> Self {
        let databases = Databases::create(Engine::Postgres).await;
        Self::of("serve, PostgreSQL, TLS", Processes::encrypted(databases).await).await
    }

    async fn of(name: &str, mut processes: Processes) -> Self {
        let logs = temporary_folder();
        let mut ids = Vec::new();
        for service in Service::ALL {
            let mut command = processes.command(service);
            logged(&mut command, service.name(), logs.path());
            let (child, _) = devspaces_tests::process::start(&mut command).await;
            ids.extend(child.id());
            processes.started(service, child);
        }
        let database = Database::of(&processes).await;
        let target = Target {
            name: name.to_owned(),
            address: processes.address(Service::Space),
            authority: processes.authority(),
            processes: ids,
            database: database.server,
        };
        let key = SigningKey::load(&processes.keys().join(keys::ISSUER)).expect("the issuer's key");
        let ports = Service::ALL.map(|service| (service, processes.port(service))).into();
        let running = Running::Apart { _processes: Box::new(processes), _logs: logs };
        Self::with_a_space(target, Some(database), key, ports, running).await
    }

    async fn with_a_space(
        target: Target,
        database: Option<Database>,
        key: SigningKey,
        ports: BTreeMap<Service, Port>,
        running: Running,
    ) -> Self {
        let issuer = DevIssuer::new(key, SystemClock::shared());
        let owner = person(&issuer, &ports, &Principal::user("owner"));
        let space = owner.creates_space("Team").await;
        let app = owner.creates_app(&space).await;
        add(&owner, &space, "users/alice").await;
        Self { target, database, issuer, ports, owner, space, app, _running: running }
    }

    /// Somebody with a token.
    pub(super) fn persona(&self, principal: &Principal) -> Persona {
        person(&self.issuer, &self.ports, principal)
    }

    /// A person who calls the space service by this connection.
    pub(super) fn connected(&self, principal: &Principal, connection: &Channel) -> Persona {
        let token = self.issuer.token(principal, None, LIFETIME);
        Persona::at_one_port(principal, Some(token.as_str()), connection)
    }

    /// Whether Alice may see the space, asked by herself: a person has fewer calls in progress by default than a service.
    pub(super) fn space_by_herself(&self) -> Question {
        let alice = self.persona(&Principal::user("alice"));
        Question::check(alice.authorization(), "", "space.get", &self.space)
    }

    /// The same, asked by a service that serves her.
    pub(super) fn space_by_service(&self) -> Question {
        let service = self.persona(&Principal::service("auditor"));
        Question::check(service.authorization(), "users/alice", "space.get", &self.space)
    }

    /// Whether she may see the app, asked by that service.
    pub(super) fn app_by_service(&self) -> Question {
        let service = self.persona(&Principal::service("auditor"));
        Question::check(service.authorization(), "users/alice", "app.get", &self.app)
    }

    /// Whether she has these permissions on the space, asked by that service in one call.
    pub(super) fn batch_by_service(&self, permissions: &[&str]) -> Question {
        let service = self.persona(&Principal::service("auditor"));
        Question::batch(service.authorization(), "users/alice", permissions, &self.space)
    }
}

fn person(issuer: &DevIssuer, ports: &BTreeMap<Service, Port>, principal: &Principal) -> Persona {
    let token = issuer.token(principal, None, LIFETIME);
    Persona::new(principal, Some(token.as_str()), ports.clone())
}

/// Makes somebody an Admin of a space.
pub(super) async fn add(who: &Persona, space: &str, user: &str) {
    let member = Member { user: user.to_owned(), role: ConsoleRole::Admin.into(), ..Member::default() };
    let request =
        AddMembersRequest { parent: space.to_owned(), members: vec![member], request_id: String::new() };
    who.members().add_members(request).await.expect("a new member");
}
