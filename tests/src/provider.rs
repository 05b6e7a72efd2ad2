//! An identity provider on one address of this machine: it has keys, signs tokens by them, publishes them, and fails as a test
//! says.
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use devspaces_kit::{
    clock::{Clock as _, SystemClock},
    identity::SigningKey,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// How a provider answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// As it should.
    #[default]
    Well,
    /// It closes the connection.
    Gone,
    /// Not at all, and keeps the connection.
    Silent,
    /// With this status.
    Status(u16),
    /// With a redirect to another path of its own, where the keys are.
    Redirect,
    /// With two mebibytes.
    Huge,
    /// With something that is no JSON.
    Garbage,
    /// With a discovery document of somebody else.
    AnothersName,
}

#[derive(Default)]
struct State {
    /// By their ids, the newest last.
    keys: Vec<(String, SigningKey)>,
    manner: Manner,
    /// How often its keys were asked for.
    asked: usize,
}

/// A provider. It hangs up when it is dropped.
pub struct Provider {
    url: String,
    state: Arc<Mutex<State>>,
    listening: JoinHandle<()>,
}

impl Provider {
    /// One with the key `k1`.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::<Mutex<State>>::default();
        let (shared, base) = (state.clone(), url.clone());
        let listening = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (state, base) = (shared.clone(), base.clone());
                tokio::spawn(async move { answer(stream, &state, &base).await });
            }
        });
        let provider = Self { url, state, listening };
        provider.adds("k1");
        provider
    }

    /// What it calls itself: its address.
    #[must_use]
    pub fn iss(&self) -> &str {
        &self.url
    }

    /// The setting by which its tokens are accepted as people's, with its keys found by discovery.
    #[must_use]
    pub fn setting(&self) -> String {
        format!("kind=users,iss={},aud=devspaces,prefix=corp:", self.url)
    }

    /// Has another key from now on, and signs by it.
    pub fn adds(&self, kid: &str) {
        self.state().keys.push((kid.to_owned(), SigningKey::generate().expect("a key")));
    }

    /// Has this key as well, and does not sign by it while there is another.
    pub fn has(&self, kid: &str, key: SigningKey) {
        self.state().keys.insert(0, (kid.to_owned(), key));
    }

    /// Has this key no more. Gives it, for tokens that nobody should take.
    #[must_use]
    pub fn removes(&self, kid: &str) -> SigningKey {
        let mut state = self.state();
        let place = state.keys.iter().position(|(it, _)| it == kid).expect("a key of this id");
        state.keys.remove(place).1
    }

    /// Answers this way from now on.
    pub fn answers(&self, manner: Manner) {
        self.state().manner = manner;
    }

    /// How often its keys have been asked for.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.state().asked
    }

    /// A token for somebody, for an hour, by the newest key.
    #[must_use]
    pub fn token(&self, sub: &str) -> String {
        let (kid, key) = self.state().keys.last().expect("a key").clone();
        self.token_by(&key, &kid, sub)
    }

    /// The same by a key that may be anybody's.
    #[must_use]
    pub fn token_by(&self, key: &SigningKey, kid: &str, sub: &str) -> String {
        let expires = SystemClock.now().seconds() + 3600;
        let claims = json!({ "iss": self.url, "sub": sub, "aud": "devspaces", "exp": expires });
        key.sign(kid, "JWT", &claims)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// Answers one request.
async fn answer(stream: TcpStream, state: &Mutex<State>, base: &str) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let mut first = String::new();
    stream.read_line(&mut first).await.ok()?;
    let path = first.split(' ').nth(1)?.to_owned();
    let mut line = String::new();
    while stream.read_line(&mut line).await.ok()? > 2 {
        line.clear();
    }
    let (manner, keys) = {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.asked += usize::from(path == "/jwks");
        let keys: Vec<Value> = state.keys.iter().map(|(kid, key)| key.public_jwk(kid)).collect();
        (state.manner, json!({ "keys": keys }).to_string())
    };
    let body = match (manner, path.as_str()) {
        (Manner::Gone, _) => return None,
        (Manner::Silent, _) => {
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await.ok()?;
            return None;
        }
        (Manner::Status(code), _) => return respond(&mut stream, &format!("{code} So"), "").await,
        (Manner::Redirect, "/jwks") => {
            return respond(&mut stream, "302 Found\r\nlocation: /elsewhere", "").await;
        }
        (Manner::Huge, _) => format!("{{\"keys\":[],\"pad\":\"{}\"}}", "x".repeat(2 * 1024 * 1024)),
        (Manner::Garbage, _) => "<html>Sign in</html>".to_owned(),
        (Manner::AnothersName, "/.well-known/openid-configuration") => {
            json!({ "issuer": "https://evil.example", "jwks_uri": format!("{base}/jwks") }).to_string()
        }
        (_, "/.well-known/openid-configuration") => {
            json!({ "issuer": base, "jwks_uri": format!("{base}/jwks") }).to_string()
        }
        (_, "/jwks" | "/elsewhere") => keys,
        _ => return respond(&mut stream, "404 Not Found", "").await,
    };
    respond(&mut stream, "200 OK", &body).await
}

async fn respond(stream: &mut BufReader<TcpStream>, status: &str, body: &str) -> Option<()> {
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.ok()?;
    stream.write_all(body.as_bytes()).await.ok()
}
