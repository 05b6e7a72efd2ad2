//! The files of a folder of keys.
use std::{
    fs::{self, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use devspaces_authz::Service;
use devspaces_kit::identity::{DevIssuer, Jwks, KeyFileError, SigningKey};
use devspaces_ledger::db;
use serde_json::json;

/// The private key of the folder's own token issuer.
pub const ISSUER: &str = "issuer.pem";
/// The public key of that issuer, as `--jwks` takes it.
pub const ISSUER_JWKS: &str = "issuer.jwks.json";
/// The public keys of the suite's services, as `--suite-jwks` takes them.
pub const SUITE_JWKS: &str = "suite.jwks.json";

/// What the id of a service's next key ends in, after a dot, and that of the one of before.
const NEXT: &str = "next";
const PREVIOUS: &str = "previous";

/// The private key of a service: `space.pem`.
#[must_use]
pub fn of_service(name: &str) -> String {
    format!("{name}.pem")
}

/// Why a folder of keys could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A key file.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The folder, or a key set.
    #[error("{path} can't be written: {error}")]
    Write {
        /// The file or folder.
        path: String,
        /// What the system said.
        error: io::Error,
    },
    /// A step that is not the next one.
    #[error("it is not the turn of that step: {why} ({})", file.display())]
    Step {
        /// The key file by which that is told: it is there, or missing.
        file: PathBuf,
        /// What has to be done first.
        why: &'static str,
    },
}

/// How the keys of the services are replaced without a moment in which a call is refused. Between two steps the key set has
/// to reach all processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Each service gets another key beside its own, and the key set has both.
    Begin,
    /// The other key becomes the service's own; the key set still has both.
    Switch,
    /// The keys of before are out of the key set, and gone.
    End,
}

/// Makes what is missing of the keys of an issuer and of every service, and writes the key sets of what is there.
/// Never replaces a private key.
pub fn make(folder: &Path) -> Result<(), Error> {
    db::make_folder(folder).map_err(refused(folder))?;
    let issuer = SigningKey::load_or_generate(&folder.join(ISSUER))?;
    for service in Service::ALL {
        SigningKey::load_or_generate(&folder.join(of_service(service.name())))?;
    }
    write(folder, ISSUER_JWKS, &DevIssuer::public_jwks(&issuer))?;
    publish(folder)
}

/// Takes a step to replace the key of every service. Each step can be taken again. One whose turn it is not changes nothing, whichever
/// service that is told by.
pub fn rotate(folder: &Path, step: Step) -> Result<(), Error> {
    for service in Service::ALL {
        Rotated::of(folder, service).turn(folder, step)?;
    }
    for service in Service::ALL {
        Rotated::of(folder, service).take(step)?;
    }
    publish(folder)
}

/// The files of a service's keys while they are replaced.
struct Rotated {
    service: Service,
    own: PathBuf,
    next: PathBuf,
    previous: PathBuf,
}

impl Rotated {
    fn of(folder: &Path, service: Service) -> Self {
        let file = |name: String| folder.join(of_service(&name));
        let name = service.name();
        Self {
            service,
            own: file(name.to_owned()),
            next: file(format!("{name}.{NEXT}")),
            previous: file(format!("{name}.{PREVIOUS}")),
        }
    }

    /// That it is the turn of this step.
    fn turn(&self, folder: &Path, step: Step) -> Result<(), Error> {
        let Self { next, previous, .. } = self;
        match step {
            Step::Begin if previous.exists() => Err(out_of_turn(previous, "a rotation has yet to end")),
            Step::Switch if next.exists() => {
                // Others are to have it before anything is signed by it.
                let published = fs::read_to_string(folder.join(SUITE_JWKS)).ok();
                let published = published.and_then(|set| Jwks::parse(&set).ok()).unwrap_or_default();
                if published.has(self.service.name(), &SigningKey::load(next)?) {
                    Ok(())
                } else {
                    Err(out_of_turn(next, "a rotation has yet to begin: no key set has this key"))
                }
            }
            Step::Switch if !previous.exists() => Err(out_of_turn(next, "no rotation has begun")),
            Step::End if next.exists() => Err(out_of_turn(next, "a rotation has yet to be switched")),
            Step::Begin | Step::Switch | Step::End => Ok(()),
        }
    }

    fn take(&self, step: Step) -> Result<(), Error> {
        let Self { own, next, previous, .. } = self;
        match step {
            Step::Begin => SigningKey::load_or_generate(next).map(drop)?,
            Step::Switch if next.exists() => {
                // Never is there a moment without a key, or one of which the public half is in no file.
                remove(previous)?;
                fs::hard_link(own, previous).map_err(refused(previous))?;
                fs::rename(next, own).map_err(refused(own))?;
            }
            Step::Switch => {}
            Step::End => remove(previous)?,
        }
        Ok(())
    }
}

/// Writes the key set of the services, of all their keys that are in the folder.
fn publish(folder: &Path) -> Result<(), Error> {
    let mut keys = Vec::new();
    for service in Service::ALL {
        let name = service.name();
        for id in [name.to_owned(), format!("{name}.{NEXT}"), format!("{name}.{PREVIOUS}")] {
            let file = folder.join(of_service(&id));
            if file.exists() {
                keys.push(SigningKey::load(&file)?.public_jwk(&id));
            }
        }
    }
    write(folder, SUITE_JWKS, &json!({ "keys": keys }).to_string())
}

fn out_of_turn(file: &Path, why: &'static str) -> Error {
    Error::Step { file: file.to_owned(), why }
}

fn remove(file: &Path) -> Result<(), Error> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(refused(file)(error)),
        _ => Ok(()),
    }
}

fn write(folder: &Path, name: &str, text: &str) -> Result<(), Error> {
    let path = folder.join(name);
    replace(&path, text).map_err(refused(&path))
}

fn refused(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.display().to_string();
    move |error| Error::Write { path, error }
}

/// Public keys are everybody's to read, whatever mask whoever makes them has: services run as other users.
const PUBLIC: u32 = 0o644;

/// Writes a file of public keys whole or not at all.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&new)?;
    file.set_permissions(Permissions::from_mode(PUBLIC))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(new, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::OpenOptionsExt as _;

    use super::*;

    #[test]
    fn everybody_reads_public_keys_and_their_owner_alone_private_ones() {
        let folder = std::env::temp_dir().join(format!("devspaces-keys-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        // Left behind by one who let nobody read anything.
        let left = folder.join(SUITE_JWKS).with_extension("new");
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(left).expect("a file");
        make(&folder).expect("keys");
        let mode = |name: &str| fs::metadata(folder.join(name)).expect(name).permissions().mode() & 0o777;
        assert_eq!([ISSUER_JWKS, SUITE_JWKS].map(mode), [0o644, 0o644]);
        assert_eq!([ISSUER, &of_service("space")].map(mode), [0o600, 0o600]);
        fs::remove_dir_all(&folder).expect("a folder");
    }

    // R-P7: whatever step has been taken, who signs by the key in the file is known by the set that the step wrote, and by the
    // one before.
    #[test]
    fn each_step_of_a_rotation_keeps_the_key_that_signs_in_the_set_of_before_and_after() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        make(folder).expect("keys");
        let set =
            || Jwks::parse(&fs::read_to_string(folder.join(SUITE_JWKS)).expect("a file")).expect("a set");
        let own = || SigningKey::load(&folder.join(of_service("space"))).expect("a key");
        let (first, mut before) = (own(), set());
        for step in [Step::Begin, Step::Begin, Step::Switch, Step::Switch] {
            rotate(folder, step).expect("a step");
            assert!(before.has("space", &own()) && set().has("space", &own()), "{step:?}");
            assert!(set().has("space", &first), "{step:?}");
            before = set();
        }
        assert!(own().public_jwk("k") != first.public_jwk("k"));
        make(folder).expect("keys");
        assert!(set().has("space", &first), "to make keys ends no rotation");
        rotate(folder, Step::End).expect("a step");
        assert!(before.has("space", &own()) && set().has("space", &own()) && !set().has("space", &first));
        assert!(matches!(rotate(folder, Step::Switch), Err(Error::Step { .. })));
    }

    // R-P7
    #[test]
    fn a_step_that_was_broken_off_leads_to_no_key_that_nobody_knows() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        make(folder).expect("keys");
        let file = |id: &str| folder.join(of_service(id));
        let out_of_turn = |step| matches!(rotate(folder, step), Err(Error::Step { .. }));
        rotate(folder, Step::Begin).expect("begun");
        rotate(folder, Step::Switch).expect("switched");
        let own = fs::read(file("space")).expect("a key");
        // The end came to the first service alone.
        fs::remove_file(file("space.previous")).expect("removed");
        assert!(out_of_turn(Step::Begin) && !file("space.next").exists(), "nothing is done by halves");
        rotate(folder, Step::End).expect("ended");

        // A beginning that came to no key set.
        SigningKey::generate_to(&file("space.next")).expect("a key");
        assert!(out_of_turn(Step::Switch));
        assert_eq!(fs::read(file("space")).expect("a key"), own);
        rotate(folder, Step::Begin).expect("begun");
        rotate(folder, Step::Switch).expect("switched");
    }
}
