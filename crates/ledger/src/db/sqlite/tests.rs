use std::os::unix::fs::PermissionsExt as _;

use sqlx::raw_sql;

use super::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

fn write(pool: &Pool) -> &sqlx::SqlitePool {
    let Pool::Sqlite { write, .. } = pool else { panic!("it is SQLite") };
    write
}

async fn opened(path: &Path) -> Result<Pool, OpenError> {
    Pool::open(&format!("sqlite:{}", path.display())).await
}

/// Every file in the folder, with what it holds.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    entries
        .map(|entry| {
            (entry.file_name().into_string().expect("a name"), fs::read(entry.path()).expect("a file"))
        })
        .collect()
}

#[tokio::test]
async fn data_is_for_the_user_of_the_process_alone() {
    let parent = tempfile::tempdir().expect("a folder");
    let folder = parent.path().join("data");
    let _lock = FolderLock::take(&folder).expect("the lock");
    let file = folder.join("x.db");
    let pool = opened(&file).await.expect("a database");
    raw_sql("CREATE TABLE t (x TEXT)").execute(write(&pool)).await.expect("done");
    assert_eq!(mode(&folder), 0o700);
    for name in ["lock", "x.db", "x.db-wal", "x.db-shm"] {
        assert_eq!(mode(&folder.join(name)), 0o600, "{name}");
    }
    pool.close().await;
    // Those of an earlier version are wider.
    fs::set_permissions(&file, Permissions::from_mode(0o644)).expect("wider");
    let pool = opened(&file).await.expect("a database");
    assert_eq!(mode(&file), 0o600);
    pool.close().await;
}

#[tokio::test]
async fn a_closed_file_holds_everything_by_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("x.db");
    let pool = opened(&file).await.expect("a database");
    raw_sql("CREATE TABLE t (x TEXT); INSERT INTO t VALUES ('kept')")
        .execute(write(&pool))
        .await
        .expect("done");
    pool.close().await;
    let left = files(folder.path());
    assert!(left.len() == 1 && left[0].0 == "x.db", "{:?}", left.iter().map(|it| &it.0).collect::<Vec<_>>());
    assert!(left[0].1.windows(4).any(|bytes| bytes == b"kept"));
}

// R-B3
#[tokio::test]
async fn what_is_replaced_or_removed_is_overwritten() {
    let folder = tempfile::tempdir().expect("a folder");
    let pool = opened(&folder.path().join("x.db")).await.expect("a database");
    let run = async |sql: &'static str| {
        raw_sql(sql).execute(write(&pool)).await.expect("done");
    };
    run("CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT)").await;
    run("INSERT INTO t VALUES (1, 'tok-replaced'), (2, 'tok-removed'), (3, 'kept')").await;
    run("UPDATE t SET x = 'new' WHERE id = 1; DELETE FROM t WHERE id = 2").await;
    pool.close().await;
    let left = files(folder.path());
    assert!(!left.iter().any(|(_, bytes)| bytes.windows(4).any(|bytes| bytes == b"tok-")));
}

#[tokio::test]
async fn a_log_of_another_file_is_refused_and_ruins_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("x.db");
    let pool = opened(&file).await.expect("a database");
    let insert = "INSERT INTO t SELECT NULL, hex(randomblob(400)) FROM
        (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200) SELECT i FROM n)";
    raw_sql("CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT); CREATE INDEX t_x ON t (x)")
        .execute(write(&pool))
        .await
        .expect("done");
    raw_sql(insert).execute(write(&pool)).await.expect("done");
    pool.close().await;
    let copy = fs::read(&file).expect("a copy");
    // More is written, taken into the file, and written again into the log, which a kill leaves.
    let pool = opened(&file).await.expect("a database");
    raw_sql(insert).execute(write(&pool)).await.expect("done");
    raw_sql("PRAGMA wal_checkpoint(TRUNCATE)").execute(write(&pool)).await.expect("done");
    raw_sql("DELETE FROM t WHERE id % 3 = 0").execute(write(&pool)).await.expect("done");
    let log = fs::read(beside(&file, "-wal")).expect("a log");
    let killed = (fs::read(&file).expect("the file"), log.clone());
    pool.close().await;

    fs::write(&file, &copy).expect("put back");
    fs::write(beside(&file, "-wal"), &log).expect("left over");
    let error = opened(&file).await.expect_err("refused").to_string();
    assert!(error.contains("-wal") && error.contains("put it there once more"), "{error}");
    assert_eq!(
        (fs::read(&file).expect("the copy"), fs::read(beside(&file, "-wal")).expect("the log")),
        (copy, log)
    );

    // A log beside the file that it belongs to is taken in, as always.
    fs::write(&file, &killed.0).expect("put back");
    fs::write(beside(&file, "-wal"), &killed.1).expect("left over");
    drop(fs::remove_file(beside(&file, "-shm")));
    let pool = opened(&file).await.expect("whole");
    let rows: i64 =
        sqlx::query_scalar("SELECT count(*) FROM t").fetch_one(write(&pool)).await.expect("a count");
    assert_eq!(rows, 400 - 133);
    pool.close().await;
}

#[tokio::test]
async fn a_copy_beside_the_log_of_what_it_was_made_of_is_refused_and_stays_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let [file, copy] = ["x.db", "copy.db"].map(|name| folder.path().join(name));
    let pool = opened(&file).await.expect("a database");
    raw_sql("CREATE TABLE t (x TEXT); INSERT INTO t VALUES ('kept')")
        .execute(write(&pool))
        .await
        .expect("done");
    let backup = crate::db::Backup::begin(&pool).await.expect("begun");
    backup.copy_to(&copy).await.expect("a copy");
    drop(backup);
    raw_sql("INSERT INTO t VALUES ('lost')").execute(write(&pool)).await.expect("done");
    let log = fs::read(beside(&file, "-wal")).expect("a log");
    pool.close().await;

    let copy = fs::read(&copy).expect("the copy");
    fs::write(&file, &copy).expect("put back");
    fs::write(beside(&file, "-wal"), &log).expect("left over");
    let url = format!("sqlite:{}", file.display());
    for error in [Pool::open(&url).await, Pool::open_existing(&url).await] {
        let error = error.expect_err("refused").to_string();
        assert!(error.contains("the log is another file's") && error.contains("remove the -wal"), "{error}");
    }
    let left = (fs::read(&file).expect("the copy"), fs::read(beside(&file, "-wal")).expect("the log"));
    assert_eq!(left, (copy, log));

    fs::remove_file(beside(&file, "-wal")).expect("removed");
    let pool = opened(&file).await.expect("whole");
    let rows: i64 =
        sqlx::query_scalar("SELECT count(*) FROM t").fetch_one(write(&pool)).await.expect("a count");
    assert_eq!(rows, 1);
    pool.close().await;
}

#[tokio::test]
async fn a_file_of_another_encoding_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("x.db");
    let other =
        SqliteConnectOptions::new().filename(&file).create_if_missing(true).pragma("encoding", "'UTF-16le'");
    let mut conn = SqliteConnection::connect_with(&other).await.expect("a file");
    raw_sql("CREATE TABLE t (x TEXT)").execute(&mut conn).await.expect("done");
    conn.close().await.expect("closed");
    let error = opened(&file).await.expect_err("refused").to_string();
    assert!(error.ends_with("its encoding is UTF-16le, and names sort by the bytes of UTF-8"), "{error}");
}
