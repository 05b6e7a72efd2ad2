//! PostgreSQL over TLS.
use devspaces::{Service, certificates::AUTHORITY};
use devspaces_ledger::db::Pool;
use devspaces_tests::{
    Engine,
    encrypted::{Certificates, DAY},
    engine::{Databases, administer, administrator},
    suite::eventually,
};

use crate::acts::commands::{complaint, on_all_services, says};

/// Gives the server a certificate for this host, as its administrator does.
async fn certify(certificates: &Certificates, host: &str) {
    certificates.certify("postgres", host, DAY);
    let mut server = administrator().await;
    for (file, setting) in [("cert", "ssl_cert_file"), ("key", "ssl_key_file")] {
        let pem =
            std::fs::read_to_string(certificates.path(&format!("postgres-{file}.pem"))).expect("a file");
        let lines = format!("SELECT unnest(string_to_array('{}', E'\\n'))", pem.trim());
        let program = format!("umask 077; cat > devspaces-{file}.pem");
        administer(&mut server, format!("COPY ({lines}) TO PROGRAM '{program}'")).await;
        administer(&mut server, format!("ALTER SYSTEM SET {setting} = 'devspaces-{file}.pem'")).await;
    }
    administer(&mut server, "ALTER SYSTEM SET ssl = on".to_owned()).await;
    administer(&mut server, "SELECT pg_reload_conf()".to_owned()).await;
}

/// The URL with TLS in place of what it says of it.
fn with_tls(url: &str, mode: &str, authority: &std::path::Path) -> String {
    let plain = url.split('?').next().expect("a URL");
    format!("{plain}?sslmode={mode}&sslrootcert={}", authority.display())
}

async fn is_encrypted(url: &str) -> Option<bool> {
    let pool = Pool::open(url).await.ok()?;
    let Pool::Postgres(server) = &pool else { panic!("PostgreSQL") };
    let asked = sqlx::query_scalar("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
    let encrypted = asked.fetch_one(&server.main()).await.expect("an answer");
    pool.close().await;
    Some(encrypted)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_is_used_over_tls_and_its_certificate_is_looked_at() {
    let databases = Databases::create(Engine::Postgres).await;
    let certificates = Certificates::new();
    certify(&certificates, "127.0.0.1").await;
    let url = databases.url(None);
    let verified = with_tls(&url, "verify-full", &certificates.path(AUTHORITY));
    let space = verified.replace("{service}", "space");
    assert!(eventually(async || is_encrypted(&space).await).await, "the connection is encrypted");
    says(&on_all_services(&["migrate"], &verified)).await;
    assert_eq!(
        is_encrypted(&databases.url(Some(Service::Space))).await,
        Some(false),
        "unless it is not asked for"
    );

    let strangers = Certificates::new();
    let wrong = with_tls(&url, "verify-full", &strangers.path(AUTHORITY));
    let said = complaint(&on_all_services(&["migrate"], &wrong)).await;
    let expected = "signed by an authority that is not trusted: give that authority's certificate by sslrootcert in the URL";
    assert!(said.contains(expected), "{said}");

    // Another name than the certificate's.
    certify(&certificates, "127.0.0.2").await;
    let named = async || {
        let output = crate::acts::commands::runs(&on_all_services(&["migrate"], &verified)).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        said.contains("is not valid for the name").then_some(())
    };
    eventually(named).await;
    let mut server = administrator().await;
    for setting in ["ssl", "ssl_cert_file", "ssl_key_file"] {
        administer(&mut server, format!("ALTER SYSTEM RESET {setting}")).await;
    }
    administer(&mut server, "SELECT pg_reload_conf()".to_owned()).await;
}
