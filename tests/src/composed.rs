//! A suite that runs already, such as the containers of the compose files, with a third run of every scenario that
//! needs no more than its ports.
//!
//! Where it is comes from the environment; `deploy/ci/check.sh` sets all:
//! * [`ADDRESSES`]: `space=https://127.0.0.1:7001,membership=…`. A service that is named several times has as many
//!   replicas, and calls go to each by turns.
//! * [`AUTHORITY`]: the certificate of the authority that certifies them, where the addresses begin with `https://`.
//! * [`KEYS`]: the folder that `deploy/make-secrets.sh` made, with the key of the suite's token issuer.
//!
//! All tests share the suite, so each brings people of its own, and texts of its own where something is looked up by
//! them: [`Suite::own`].
//!
//! Listed under `both engines`, and not under `everywhere`, are scenarios
//! * that move the clock: expiry, months of billing, retries of payments, purges;
//! * that stop services or start them again;
//! * that look into a database or change it: journals that somebody tampered with, what no method shows;
//! * that call with the key of a service of the suite, which only its container has;
//! * that need everything in the suite to be theirs: limits of the whole process, the list of all rate cards.
use std::{collections::BTreeMap, env, path::Path};

use devspaces::{Service, keys};
use devspaces_kit::{
    clock::{Clock as _, SystemClock},
    identity::{DevIssuer, SigningKey},
    tls::{ClientFiles, ClientTls, File, Flags},
};
use tonic::transport::Uri;

use crate::{Port, Suite, TestClock, suite::Template};

/// The variable with the addresses of the services.
pub const ADDRESSES: &str = "DEVSPACES_TEST_SUITE";
/// The variable with the file of the authority.
pub const AUTHORITY: &str = "DEVSPACES_TEST_CA";
/// The variable with the folder of keys.
pub const KEYS: &str = "DEVSPACES_TEST_KEYS";

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: `cargo xtask containers` starts a composed suite and says where it is")
    })
}

/// The addresses of each service.
fn addresses() -> BTreeMap<Service, Vec<Uri>> {
    let mut addresses = BTreeMap::<_, Vec<_>>::new();
    for part in variable(ADDRESSES).split(',') {
        let (name, address) = part.split_once('=').unwrap_or_else(|| panic!("{ADDRESSES}: '{part}'"));
        let service = Service::ALL.into_iter().find(|service| service.name() == name);
        let service = service.unwrap_or_else(|| panic!("{ADDRESSES}: no service is called '{name}'"));
        addresses.entry(service).or_default().push(address.parse().expect("an address"));
    }
    addresses
}

/// A service's port, whose certificate is by the suite's authority if one is given.
fn port(replicas: &[Uri]) -> Port {
    let Some(file) = env::var_os(AUTHORITY) else { return Port::at(replicas) };
    let authorities = Some(File { flag: AUTHORITY, path: file.into() });
    let flags = Flags { authorities: AUTHORITY, identity: "no variable" };
    let tls = ClientTls::open(ClientFiles { authorities, identity: None, flags }).expect("an authority");
    Port::encrypted(replicas, &tls)
}

impl Suite {
    /// Whether only this test has it: then it can move the clock.
    #[must_use]
    pub fn is_of_its_own(&self) -> bool {
        self.databases.is_some()
    }

    /// The suite that the environment names, for a test that is one of many.
    #[must_use]
    pub fn composed() -> Self {
        let clock = TestClock::of_the_machine();
        let key = SigningKey::load(&Path::new(&variable(KEYS)).join(keys::ISSUER)).expect("the issuer's key");
        let config = Template { peers: addresses(), ..Template::default() };
        let id = SystemClock.new_id().simple().to_string();
        Self {
            issuer: DevIssuer::new(key.clone(), clock.clone()),
            issuer_key: key,
            clock,
            databases: None,
            running: BTreeMap::new(),
            ports: config.peers.iter().map(|(service, replicas)| (*service, port(replicas))).collect(),
            config,
            // The end of an id is random. What comes before it keeps its place in every order.
            mark: format!("-{}", &id[id.len() - 10..]),
        }
    }
}
