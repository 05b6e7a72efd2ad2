//! What poolers of connections do to those who think that they talk to PostgreSQL.
use std::{fs, net::SocketAddr, os::unix::fs::PermissionsExt as _, path::Path, process::Stdio, sync::Arc};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    sync::Mutex,
};

use crate::listen::listen;

/// A pooler on the way to a PostgreSQL server that drops what connections ask for.
pub struct Unasked {
    /// The database's URL by way of it.
    pub url: String,
}

/// `PgBouncer` on the way to a PostgreSQL server. It ends when this is dropped.
pub struct PgBouncer {
    /// The database's URL by way of it.
    pub url: String,
    _process: Child,
    _folder: TempDir,
}

impl PgBouncer {
    /// One on the way to the database with this URL, with these lines among its settings; none where it is not installed.
    pub async fn before(url: &str, settings: &str) -> Option<Self> {
        let installed = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"];
        let program = installed.into_iter().find(|path| Path::new(path).is_file())?;
        let (user, rest) = url.split_once('@').expect("a URL with a user");
        let (target, database) = rest.split_once('/').expect("a URL with a database");
        let own = listen().await.local_addr().expect("an address");
        let folder = configured(own, target, settings);
        let mut command = Command::new(program);
        // It refuses to run as root.
        command.args(["-u", "nobody"]).arg(folder.path().join(SETTINGS));
        let command = command.stdin(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().expect("it starts");
        let mut lines = BufReader::new(process.stderr.take().expect("its log")).lines();
        let mut said = String::new();
        while let Some(line) = lines.next_line().await.expect("its log") {
            if line.contains("process up") {
                // Read on, so that it never waits for a reader.
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return Some(Self {
                    url: format!("{user}@{own}/{database}"),
                    _process: process,
                    _folder: folder,
                });
            }
            said += &line;
        }
        panic!("PgBouncer does not start: {said}");
    }
}

/// The file of `PgBouncer`'s settings.
const SETTINGS: &str = "pgbouncer.ini";

/// A folder with the settings of a `PgBouncer` that listens here and leads there.
fn configured(own: SocketAddr, target: &str, settings: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let people = folder.path().join("people");
    fs::write(&people, "\"postgres\" \"\"\n").expect("a file");
    let (host, port) = target.rsplit_once(':').expect("a port");
    let text = format!(
        "[databases]\n* = host={host} port={port}\n[pgbouncer]\nlisten_addr = {}\nlisten_port = {}\nauth_type = trust\n\
         auth_file = {}\nunix_socket_dir =\n{settings}\n",
        own.ip(),
        own.port(),
        people.display()
    );
    fs::write(folder.path().join(SETTINGS), text).expect("a file");
    // Whoever it becomes has to read them.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("readable");
    folder
}

/// The code by which a client asks for TLS in place of a version.
const ASKS_FOR_TLS: i32 = 80_877_103;

impl Unasked {
    /// One on the way to the database with this URL.
    pub async fn before(url: &str) -> Self {
        Self { url: between(url, without_options).await }
    }
}

/// The database's URL by way of what serves each connection.
async fn between<F>(url: &str, serve: impl Fn(TcpStream, String) -> F + Send + 'static) -> String
where
    F: Future<Output = std::io::Result<()>> + Send + 'static,
{
    let (user, rest) = url.split_once('@').expect("a URL with a user");
    let (target, database) = rest.split_once('/').expect("a URL with a database");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("{user}@{}/{database}", listener.local_addr().expect("an address"));
    let target = target.to_owned();
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            // Who goes away meanwhile is of no interest.
            tokio::spawn(serve(near, target.clone()));
        }
    });
    url
}

async fn without_options(mut near: TcpStream, target: String) -> std::io::Result<()> {
    let mut far = TcpStream::connect(target).await?;
    let greeting = greeting(&mut near).await?;
    let texts: Vec<_> = greeting[8..].split(|byte| *byte == 0).collect();
    let kept = texts.chunks_exact(2).filter(|pair| !pair[0].is_empty() && pair[0] != b"options");
    let mut asked: Vec<u8> = kept.flat_map(|pair| [pair[0], b"\0", pair[1], b"\0"].concat()).collect();
    asked.push(0);
    far.write_i32(i32::try_from(asked.len() + 8).unwrap_or_default()).await?;
    far.write_all(&greeting[4..8]).await?;
    far.write_all(&asked).await?;
    tokio::io::copy_bidirectional(&mut near, &mut far).await.map(drop)
}

/// The message with which a connection begins: its length, a version, and what is asked for. TLS is refused.
async fn greeting(near: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    loop {
        let (length, version) = (near.read_i32().await?, near.read_i32().await?);
        let mut greeting = [length.to_be_bytes(), version.to_be_bytes()].concat();
        greeting.resize(usize::try_from(length).unwrap_or_default().max(8), 0);
        near.read_exact(&mut greeting[8..]).await?;
        if version != ASKS_FOR_TLS {
            return Ok(greeting);
        }
        near.write_all(b"N").await?;
    }
}

/// A pooler on the way to a PostgreSQL server that gives each transaction whichever session is free, of which it has one.
pub struct ByTransaction {
    /// The database's URL by way of it.
    pub url: String,
}

/// The one session, once the first client has had it made.
type Session = Arc<Mutex<Option<TcpStream>>>;

impl ByTransaction {
    /// One on the way to the database with this URL.
    pub async fn before(url: &str) -> Self {
        let session = Session::default();
        let serve = move |near, target| served_by_turns(near, target, session.clone());
        Self { url: between(url, serve).await }
    }
}

/// Answers a client's statements by the session that all have. The client's own is only for the greeting.
async fn served_by_turns(mut near: TcpStream, target: String, session: Session) -> std::io::Result<()> {
    let greeting = greeting(&mut near).await?;
    let mut own = TcpStream::connect(&target).await?;
    own.write_all(&greeting).await?;
    answer(&mut own, &mut near).await?;
    loop {
        let mut statement = message(&mut near).await?;
        let mut shared = session.lock().await;
        // A transaction keeps it.
        loop {
            if statement[0] == b'X' {
                return Ok(());
            }
            if shared.is_none() {
                let mut made = TcpStream::connect(&target).await?;
                made.write_all(&greeting).await?;
                answer(&mut made, &mut tokio::io::sink()).await?;
                *shared = Some(made);
            }
            let session = shared.as_mut().expect("it is made");
            session.write_all(&statement).await?;
            if answer(session, &mut near).await? == b'I' {
                break;
            }
            statement = message(&mut near).await?;
        }
    }
}

/// Carries an answer to its end, and says in which state that leaves the session: `I` if it is in no transaction.
async fn answer(from: &mut TcpStream, to: &mut (impl AsyncWrite + Unpin)) -> std::io::Result<u8> {
    loop {
        let message = message(from).await?;
        to.write_all(&message).await?;
        if message[0] == b'Z' {
            return Ok(message[5]);
        }
    }
}

/// A message: its kind, its length, and what it holds.
async fn message(from: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut message = vec![from.read_u8().await?];
    let length = from.read_u32().await?;
    message.extend(length.to_be_bytes());
    let end = message.len() + usize::try_from(length).unwrap_or_default().saturating_sub(4);
    message.resize(end, 0);
    from.read_exact(&mut message[5..]).await?;
    Ok(message)
}
