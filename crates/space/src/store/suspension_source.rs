//! For what the billing service suspends apps (R-E2): a row for each app, reason and source.
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use devspaces_authz::SuspensionReason;
use devspaces_kit::name::AppName;
use devspaces_ledger::{
    db::{Conn, Error, RowsSql},
    on,
};
use uuid::Uuid;

static FIND: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "wanted",
        &["resource", "reason"],
        "SELECT DISTINCT s.resource, s.source FROM wanted w
         JOIN suspension_source s ON s.resource = w.resource AND s.reason = w.reason",
    )
});

/// For what each of these apps is suspended for a reason; those that are not are left out.
pub(crate) async fn of_apps(
    db: &mut Conn,
    apps: &[AppName],
    reason: SuspensionReason,
) -> Result<BTreeMap<AppName, BTreeSet<String>>, Error> {
    let rows: Vec<(Uuid, String)> =
        FIND.fetch_all(db, apps, |app| [app.0.into(), reason.name().into()]).await?;
    let mut sources = BTreeMap::<_, BTreeSet<String>>::new();
    for (app, source) in rows {
        sources.entry(AppName(app)).or_default().insert(source);
    }
    Ok(sources)
}

static ADD: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "added",
        &["resource", "reason", "source"],
        "INSERT INTO suspension_source (resource, reason, source)
         SELECT resource, reason, source FROM added WHERE TRUE ON CONFLICT DO NOTHING",
    )
});

/// Notes that these apps are suspended for a source.
pub(crate) async fn add(
    db: &mut Conn,
    apps: &[AppName],
    reason: SuspensionReason,
    source: &str,
) -> Result<(), Error> {
    ADD.execute(db, apps, |app| [app.0.into(), reason.name().into(), source.into()]).await.map(drop)
}

static REMOVE: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "removed",
        &["resource", "reason", "source"],
        "DELETE FROM suspension_source WHERE (resource, reason, source) IN
           (SELECT resource, reason, source FROM removed)",
    )
});

/// Notes that these apps are suspended for a source no longer.
pub(crate) async fn remove(
    db: &mut Conn,
    apps: &[AppName],
    reason: SuspensionReason,
    source: &str,
) -> Result<(), Error> {
    REMOVE.execute(db, apps, |app| [app.0.into(), reason.name().into(), source.into()]).await.map(drop)
}

/// Forgets all for which an app was suspended for a reason.
pub(crate) async fn remove_reason(
    db: &mut Conn,
    app: AppName,
    reason: SuspensionReason,
) -> Result<(), Error> {
    on!(db, |c| sqlx::query("DELETE FROM suspension_source WHERE resource = $1 AND reason = $2")
        .bind(app.0)
        .bind(reason.name())
        .execute(c)
        .await
        .map(drop))?;
    Ok(())
}

/// Forgets for what an app was suspended that is gone for good.
pub(crate) async fn remove_all(db: &mut Conn, app: AppName) -> Result<(), Error> {
    on!(db, |c| sqlx::query("DELETE FROM suspension_source WHERE resource = $1")
        .bind(app.0)
        .execute(c)
        .await
        .map(drop))?;
    Ok(())
}
