//! Certificates for the processes of a suite, and new ones in their place while they run.
use std::{
    collections::BTreeMap,
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use devspaces::{
    Service,
    certificates::{AUTHORITY, Authority, CERTIFICATE, KEY},
};
use devspaces_kit::{
    clock::{Clock as _, SystemClock},
    tls::{ClientFiles, ClientTls, File, Flags},
};
use tempfile::TempDir;
use tokio::process::Command;

use crate::engine::temporary_folder;

/// How long certificates of tests last.
pub const DAY: Duration = Duration::from_hours(24);

/// Each service has a number of this machine of its own, so that a certificate is for one of them alone.
#[must_use]
pub fn host(service: Service) -> IpAddr {
    let place = Service::ALL.iter().position(|it| *it == service).expect("a service of the suite");
    Ipv4Addr::new(127, 0, 0, 10 + u8::try_from(place).expect("a few services")).into()
}

/// A folder of certificates, and the authority that makes them.
pub struct Certificates {
    folder: TempDir,
    authority: Authority,
}

impl Certificates {
    /// Of every service, by a new authority.
    #[must_use]
    pub fn new() -> Self {
        let (authority, _) = Authority::generate().expect("an authority");
        let certificates = Self { folder: temporary_folder(), authority };
        certificates.trust(&[&certificates.authority]);
        for service in Service::ALL {
            certificates.renew(service);
        }
        certificates
    }

    /// Where something is in the folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// From now on these authorities are trusted, and no other.
    pub fn trust(&self, authorities: &[&Authority]) {
        let pem: String = authorities.iter().map(|it| it.certificate.as_str()).collect();
        replace(&self.path(AUTHORITY), &pem);
    }

    /// Another authority makes certificates from now on.
    pub fn succeed(&mut self, by: Authority) {
        self.authority = by;
    }

    /// The authority that makes them.
    #[must_use]
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// A new certificate and a new key for a service.
    pub fn renew(&self, service: Service) {
        self.certify(service.name(), &host(service).to_string(), DAY);
    }

    /// A certificate for this host by this name of files, that ends so long from now.
    pub fn certify(&self, name: &str, host: &str, lasts: Duration) {
        let made = self.authority.certify(&[host], SystemClock.now(), lasts).expect("a certificate");
        replace(&self.path(&format!("{name}-{KEY}")), &made.key);
        replace(&self.path(&format!("{name}-{CERTIFICATE}")), &made.certificate);
    }

    /// Whom a caller trusts: the authorities of this file; and what it shows, by the name of its files.
    #[must_use]
    pub fn client(&self, authorities: &Path, shown: Option<&str>) -> ClientTls {
        let flags = Flags { authorities: "--ca", identity: "--client-cert" };
        let file = |flag, path: PathBuf| File { flag, path };
        let identity = shown.map(|name| {
            let own = |kind| self.path(&format!("{name}-{kind}"));
            (file("--client-cert", own(CERTIFICATE)), file("--client-key", own(KEY)))
        });
        let authorities = Some(file("--ca", authorities.to_owned()));
        ClientTls::open(ClientFiles { authorities, identity, flags }).expect("whom to trust")
    }

    /// Has a service's process show its certificate, and ask for those of the others.
    pub fn encrypt(&self, command: &mut Command, service: Service) {
        let own = |kind| self.path(&format!("{service}-{kind}"));
        command.arg("--tls-cert").arg(own(CERTIFICATE)).arg("--tls-key").arg(own(KEY));
        for flag in ["--tls-client-ca", "--peer-ca"] {
            command.arg(flag).arg(self.path(AUTHORITY));
        }
    }

    /// The addresses of services, each at its own number.
    #[must_use]
    pub fn at_home(addresses: &BTreeMap<Service, Vec<SocketAddr>>) -> BTreeMap<Service, Vec<SocketAddr>> {
        let moved = |service: Service, address: &SocketAddr| (host(service), address.port()).into();
        let all = |(service, ports): (&Service, &Vec<SocketAddr>)| {
            (*service, ports.iter().map(|port| moved(*service, port)).collect())
        };
        addresses.iter().map(all).collect()
    }
}

impl Default for Certificates {
    fn default() -> Self {
        Self::new()
    }
}

/// Puts a file in the place of another at one stroke.
pub fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).expect("written");
    fs::rename(&new, path).expect("replaced");
}
