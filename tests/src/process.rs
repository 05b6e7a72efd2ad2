//! The suite as separate processes of the shipped binary, which can be killed, and a network between them that can
//! fail.
use std::{collections::BTreeMap, env, net::SocketAddr, path::PathBuf, process::Stdio, sync::Arc};

use devspaces::{Service, keys};
use devspaces_kit::{
    clock::SystemClock,
    db::Pool,
    identity::{DevIssuer, SigningKey},
    name::Principal,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    process::{Child, Command},
    sync::watch,
};
use tonic::transport::{Channel, Endpoint};

use crate::{
    Engine, Persona,
    engine::{Databases, temporary_folder},
};

/// The shipped binary: `DEVSPACES_BIN`, or the one beside the tests.
#[must_use]
pub fn binary() -> PathBuf {
    let built = env::var_os("DEVSPACES_BIN").map_or_else(
        || {
            let test = env::current_exe().expect("the test's own path");
            test.parent().and_then(|deps| deps.parent()).expect("a target folder").join("devspaces")
        },
        PathBuf::from,
    );
    assert!(built.is_file(), "{} is not built: run `cargo build -p devspaces`", built.display());
    built
}

/// Starts a command and waits for the line by which it says that it is ready, which holds its address.
pub async fn start(command: &mut Command) -> (Child, SocketAddr) {
    let mut child = command
        .env("DEVSPACES_LOG", "warn")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the binary starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let line = lines.next_line().await.expect("output").expect("a line that says that it is ready");
    let address = line.split([' ', ';']).find_map(|word| word.parse().ok());
    let address = address.unwrap_or_else(|| panic!("no address in: {line}"));
    // Read on, so that the process never waits for a reader.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (child, address)
}

/// A free port. Whoever binds it next might be somebody else; tests on one machine take that chance.
async fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address")
}

/// Each service in a process of its own.
pub struct Processes {
    databases: Databases,
    folder: TempDir,
    addresses: BTreeMap<Service, SocketAddr>,
    running: BTreeMap<Service, Child>,
    /// The network on the way from the space service to the membership service.
    pub network: Network,
}

impl Processes {
    /// Starts every service.
    pub async fn start(engine: Engine) -> Self {
        let databases = Databases::create(engine).await;
        let folder = temporary_folder();
        keys::make(folder.path()).expect("keys");
        let mut addresses = BTreeMap::new();
        for service in Service::ALL {
            addresses.insert(service, free_port().await);
        }
        let network = Network::to(addresses[&Service::Membership]).await;
        let mut processes = Self { databases, folder, addresses, running: BTreeMap::new(), network };
        for service in Service::ALL {
            processes.run(service).await;
        }
        processes
    }

    /// Starts a service that is not running.
    pub async fn run(&mut self, service: Service) {
        let mut command = Command::new(binary());
        let in_folder = |name: &str| self.folder.path().join(name);
        command
            .args(["serve", "--services", service.name()])
            .args(["--listen", &self.addresses[&service].to_string()])
            .args(["--database-url", &self.databases.url(None)])
            .arg("--jwks")
            .arg(in_folder(keys::ISSUER_JWKS))
            .arg("--suite-jwks")
            .arg(in_folder(keys::SUITE_JWKS))
            .arg("--service-key-file")
            .arg(in_folder("{service}.pem"));
        for (peer, address) in &self.addresses {
            let address = if *peer == Service::Membership { self.network.address } else { *address };
            command.args(["--peer", &format!("{peer}=http://{address}")]);
        }
        let (child, _) = start(&mut command).await;
        self.running.insert(service, child);
    }

    /// `kill -9`.
    pub async fn kill(&mut self, service: Service) {
        let mut child = self.running.remove(&service).expect("a running process");
        child.kill().await.expect("killed");
    }

    /// Connections to a service's database, beside its own.
    pub async fn pool(&self, service: Service) -> Pool {
        self.databases.open(service).await
    }

    /// A person with a token.
    #[must_use]
    pub fn user(&self, id: &str) -> Persona {
        let key = SigningKey::load(&self.folder.path().join(keys::ISSUER)).expect("the issuer's key");
        let issuer = DevIssuer::new(key, SystemClock::shared());
        let principal = Principal::user(id);
        let token = issuer.token(&principal, None, std::time::Duration::from_hours(1));
        let [space, membership] = [Service::Space, Service::Membership].map(|service| self.channel(service));
        Persona::new(&principal, Some(token.as_str()), space, membership)
    }

    fn channel(&self, service: Service) -> Channel {
        Endpoint::from_shared(format!("http://{}", self.addresses[&service]))
            .expect("an address")
            .connect_lazy()
    }
}

/// A network that can hold back what the far side answers.
pub struct Network {
    address: SocketAddr,
    answers: Arc<watch::Sender<bool>>,
}

impl Network {
    async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let answers = Arc::new(watch::Sender::new(true));
        let seen = answers.clone();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                if let Ok(far) = TcpStream::connect(target).await {
                    let ((near_read, near_write), (far_read, far_write)) =
                        (near.into_split(), far.into_split());
                    tokio::spawn(forward(near_read, far_write, None));
                    tokio::spawn(forward(far_read, near_write, Some(seen.subscribe())));
                }
            }
        });
        Self { address, answers }
    }

    /// From now on answers are lost: those on their way too.
    pub fn lose_answers(&self) {
        self.answers.send_replace(false);
    }

    /// From now on answers of new connections arrive.
    pub fn heal(&self) {
        self.answers.send_replace(true);
    }
}

/// Carries bytes until either side is gone, or until what it carries is to be lost.
async fn forward(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, pass: Option<watch::Receiver<bool>>) {
    let mut buffer = vec![0; 64 * 1024];
    let mut lost = false;
    while let Ok(length) = from.read(&mut buffer).await {
        lost |= pass.as_ref().is_some_and(|pass| !*pass.borrow());
        if length == 0 || (!lost && to.write_all(&buffer[..length]).await.is_err()) {
            break;
        }
    }
}
