//! A receiver of webhooks: it listens on one address of this machine, keeps what arrives, and answers as a test says.
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::suite::eventually;

/// How a receiver answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// With this status.
    Status(u16),
    /// With a redirect to itself.
    Redirect,
    /// It closes the connection.
    Close,
    /// Not at all, and keeps the connection.
    Silence,
}

/// A message that arrived.
#[derive(Clone, Debug)]
pub struct Received {
    /// The header webhook-id.
    pub id: String,
    /// The header webhook-timestamp.
    pub time: i64,
    /// The header webhook-signature.
    pub signature: String,
    /// What was asked for: the path and the query.
    pub path: String,
    /// The body as it arrived.
    pub text: String,
    /// How it was answered.
    pub answer: Answer,
}

impl Received {
    /// The body.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("JSON")
    }

    /// The type of the event.
    #[must_use]
    pub fn kind(&self) -> String {
        self.json()["type"].as_str().expect("a type").to_owned()
    }
}

#[derive(Debug, Default)]
struct State {
    received: Mutex<Vec<Received>>,
    answer: Mutex<Option<Answer>>,
}

/// A receiver. It hangs up when it is dropped.
#[derive(Debug)]
pub struct Receiver {
    url: String,
    state: Arc<State>,
    listening: JoinHandle<()>,
}

impl Receiver {
    /// One that confirms what arrives.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/hooks?of=devspaces", listener.local_addr().expect("an address"));
        let state = Arc::<State>::default();
        let shared = state.clone();
        let listening = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = shared.clone();
                // What is no message, as of somebody who hangs up, is of no interest.
                tokio::spawn(async move { take(stream, &state).await });
            }
        });
        Self { url, state, listening }
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Answers this way from now on.
    pub fn answers(&self, answer: Answer) {
        *self.state.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
    }

    /// What has arrived so far.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.state.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What has arrived, once it is so much.
    pub async fn takes(&self, count: usize) -> Vec<Received> {
        eventually(async || Some(self.received()).filter(|all| all.len() >= count)).await
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// Takes one message and answers it.
async fn take(stream: TcpStream, state: &State) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let mut first = String::new();
    stream.read_line(&mut first).await.ok()?;
    let path = first.split(' ').nth(1)?.to_owned();
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    stream.read_exact(&mut body).await.ok()?;
    let answer = state.answer.lock().unwrap_or_else(PoisonError::into_inner).unwrap_or(Answer::Status(204));
    let header = |name: &str| headers.get(name).cloned().unwrap_or_default();
    let received = Received {
        id: header("webhook-id"),
        time: header("webhook-timestamp").parse().ok()?,
        signature: header("webhook-signature"),
        path,
        text: String::from_utf8(body).ok()?,
        answer,
    };
    state.received.lock().unwrap_or_else(PoisonError::into_inner).push(received);
    let answer = match answer {
        Answer::Status(code) => format!("HTTP/1.1 {code} So\r\ncontent-length: 0\r\n\r\n"),
        Answer::Redirect => {
            "HTTP/1.1 307 Elsewhere\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n".to_owned()
        }
        Answer::Close => return None,
        Answer::Silence => {
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await.ok()?;
            return None;
        }
    };
    stream.write_all(answer.as_bytes()).await.ok()
}
