//! The table of vendor profiles.
use devspaces_kit::{
    clock::Timestamp,
    name::{SpaceName, VendorProfileName},
};
use devspaces_ledger::{
    db::{Conn, Error},
    on,
};
use uuid::Uuid;

use crate::domain::{OwnFields, Profile};

#[derive(Debug, sqlx::FromRow)]
struct Row {
    id: Uuid,
    space: Uuid,
    contacts: String,
    support_uri: String,
    terms_version: String,
    create_time: Timestamp,
    update_time: Timestamp,
    revision: i64,
}

impl TryFrom<Row> for Profile {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let Row { support_uri, terms_version, create_time, update_time, revision, .. } = row;
        // What serde_json says would quote a contact.
        let unreadable = |_| sqlx::Error::Decode("contacts that can't be read are stored".into());
        let contacts = serde_json::from_str(&row.contacts).map_err(unreadable)?;
        let fields = OwnFields { contacts, support_uri };
        let (name, space) = (VendorProfileName(row.id), SpaceName(row.space));
        Ok(Self { name, space, fields, terms_version, create_time, update_time, revision })
    }
}

/// A vendor profile.
pub(crate) async fn find(db: &mut Conn, name: VendorProfileName) -> Result<Option<Profile>, Error> {
    let row: Option<Row> = on!(db, |c| {
        sqlx::query_as(
            "SELECT id, space, contacts, support_uri, terms_version, create_time, update_time, revision
             FROM vendor_profile WHERE id = $1",
        )
        .bind(name.0)
        .fetch_optional(c)
        .await
    })?;
    row.map(Profile::try_from).transpose()
}

/// The vendor profile of a space.
pub(crate) async fn of_space(db: &mut Conn, space: SpaceName) -> Result<Option<Profile>, Error> {
    let row: Option<Row> = on!(db, |c| {
        sqlx::query_as(
            "SELECT id, space, contacts, support_uri, terms_version, create_time, update_time, revision
             FROM vendor_profile WHERE space = $1",
        )
        .bind(space.0)
        .fetch_optional(c)
        .await
    })?;
    row.map(Profile::try_from).transpose()
}

/// R-K3: the space of a profile, which never changes.
pub(crate) async fn space_of(db: &mut Conn, name: VendorProfileName) -> Result<Option<SpaceName>, Error> {
    let space: Option<Uuid> = on!(db, |c| {
        sqlx::query_scalar("SELECT space FROM vendor_profile WHERE id = $1")
            .bind(name.0)
            .fetch_optional(c)
            .await
    })?;
    Ok(space.map(SpaceName))
}

/// Stores a vendor profile, in place of what was stored of it.
pub(crate) async fn put(db: &mut Conn, profile: &Profile) -> Result<(), Error> {
    let contacts = serde_json::to_string(&profile.fields.contacts);
    let contacts = contacts.map_err(|error| Error::from(sqlx::Error::Encode(error.into())))?;
    on!(db, |c| {
        sqlx::query(
            "INSERT INTO vendor_profile (id, space, contacts, support_uri, terms_version, create_time, update_time,
               revision)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (id) DO UPDATE SET contacts = excluded.contacts, support_uri = excluded.support_uri,
               update_time = excluded.update_time, revision = excluded.revision",
        )
        .bind(profile.name.0)
        .bind(profile.space.0)
        .bind(&contacts)
        .bind(&profile.fields.support_uri)
        .bind(&profile.terms_version)
        .bind(profile.create_time)
        .bind(profile.update_time)
        .bind(profile.revision)
        .execute(c)
        .await
        .map(drop)
    })?;
    Ok(())
}
