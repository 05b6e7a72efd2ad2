//! Attempts over real connections of this machine.
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use devspaces_kit::tls::Roots;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring::default_provider, pki_types::PrivateKeyDer},
};

use super::{Message, Networks, Sender};

/// A receiver that sends this to whoever connects, and how many have.
struct Receiver {
    port: u16,
    connected: Arc<AtomicUsize>,
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, response: Vec<u8>) {
    let mut request = vec![0; 4096];
    let _ = stream.read(&mut request).await;
    if response.is_empty() {
        // Silence, until the other side hangs up.
        let _ = stream.read(&mut request).await;
    }
    let _ = stream.write_all(&response).await;
    let _ = stream.shutdown().await;
}

impl Receiver {
    async fn start(tls: Option<TlsAcceptor>, response: &[u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let connected = Arc::<AtomicUsize>::default();
        let (count, response) = (connected.clone(), response.to_vec());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let (tls, response) = (tls.clone(), response.clone());
                tokio::spawn(async move {
                    match tls {
                        None => answer(stream, response).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                answer(stream, response).await;
                            }
                        }
                    }
                });
            }
        });
        Self { port, connected }
    }
}

/// What came of sending something there: the status and the failure.
async fn outcome(sender: &Sender, url: &str) -> (i64, String) {
    let message = Message { id: "evt_1", time: 1, signature: "v1,x", body: "{}".to_owned() };
    let outcome = sender.send(url, message).await;
    (outcome.response_code, outcome.failure)
}

fn sender(networks: &[&str], roots: Roots) -> Sender {
    let networks = networks.iter().map(|it| it.parse().expect("a network")).collect();
    Sender::new(Networks::new(networks), roots).expect("a sender")
}

/// A certificate for this name, and what accepts connections with it.
fn certified(name: &str) -> (Roots, TlsAcceptor) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec![name.to_owned()]).expect("made");
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .expect("a certificate");
    let roots = Roots::with_pem(cert.pem().as_bytes()).expect("roots");
    (roots, TlsAcceptor::from(Arc::new(config)))
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";

// R-J6: what a name stands for is looked at when it is used, and nobody is connected to who is inside.
#[tokio::test]
async fn a_name_that_leads_inside_is_not_connected_to() {
    let receiver = Receiver::start(None, OK).await;
    let strict = sender(&[], Roots::default());
    for host in ["localhost", "127.0.0.1", "[::ffff:127.0.0.1]", "0x7f.1"] {
        for scheme in ["https", "http"] {
            let url = format!("{scheme}://{host}:{}/", receiver.port);
            assert_eq!(outcome(&strict, &url).await, (0, "ADDRESS_REFUSED".to_owned()), "{url}");
        }
    }
    // Nor by http to anybody but whom the operator allows.
    let url = format!("http://localhost:{}/", receiver.port);
    assert_eq!(outcome(&sender(&["10.0.0.0/8"], Roots::default()), &url).await.1, "ADDRESS_REFUSED");
    assert_eq!(receiver.connected.load(Ordering::Relaxed), 0);
    assert_eq!(outcome(&sender(&["127.0.0.0/8"], Roots::default()), &url).await, (200, String::new()));
    let unknown = outcome(&strict, "https://receiver.invalid/").await;
    assert_eq!(unknown, (0, "NAME_UNKNOWN".to_owned()));
}

// R-J6
#[tokio::test]
async fn a_certificate_must_be_trusted_and_the_names() {
    let (roots, tls) = certified("localhost");
    let receiver = Receiver::start(Some(tls), OK).await;
    let [by_name, by_address] =
        ["localhost", "127.0.0.1"].map(|host| format!("https://{host}:{}/hooks", receiver.port));
    let trusting = sender(&["127.0.0.0/8"], roots);
    assert_eq!(outcome(&trusting, &by_name).await, (200, String::new()));
    assert_eq!(outcome(&trusting, &by_address).await, (0, "TLS".to_owned()), "of another name");
    assert_eq!(outcome(&sender(&["127.0.0.0/8"], Roots::default()), &by_name).await, (0, "TLS".to_owned()));
    let plain = Receiver::start(None, OK).await;
    let url = format!("https://localhost:{}/", plain.port);
    assert_eq!(outcome(&trusting, &url).await, (0, "TLS".to_owned()), "no TLS at all");
}

// R-J6: of a response nothing counts but its status, and nothing is followed.
#[tokio::test]
async fn a_response_is_judged_by_its_status() {
    let huge = [b"HTTP/1.1 200 OK\r\nx: ".to_vec(), vec![b'x'; 64 * 1024], b"\r\n\r\n".to_vec()].concat();
    let endless = [b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'x'; 1024 * 1024]].concat();
    let here = sender(&["127.0.0.1"], Roots::default());
    for (response, expected) in [
        (OK, (200, "")),
        (&endless, (200, "")),
        (b"HTTP/1.1 204 No Content\r\n\r\n", (204, "")),
        (b"HTTP/1.1 302 Found\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n", (302, "REDIRECTED")),
        (b"HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n", (410, "STATUS")),
        (b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n", (500, "STATUS")),
        (&huge, (0, "CONNECTION")),
        (b"nonsense\r\n\r\n", (0, "CONNECTION")),
    ] {
        let receiver = Receiver::start(None, response).await;
        let found = outcome(&here, &format!("http://127.0.0.1:{}/", receiver.port)).await;
        assert_eq!((found.0, found.1.as_str()), expected);
    }
}

// R-J6
#[tokio::test(start_paused = true)]
async fn whoever_says_nothing_is_given_up() {
    let receiver = Receiver::start(None, b"").await;
    let here = sender(&["127.0.0.1"], Roots::default());
    let url = format!("http://127.0.0.1:{}/", receiver.port);
    assert_eq!(outcome(&here, &url).await, (0, "TIMEOUT".to_owned()));
}
