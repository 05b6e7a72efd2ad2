//! What owners of roles tell of them to a review (R-M13).
use devspaces_kit::{
    name::{SpaceName, UserName},
    page,
    status::{Fault, Fields},
};
use devspaces_ledger::{
    db::Conn,
    journal::{Changed, actors},
};
use devspaces_proto::facts::v1::{Binding, BindingsQuestion};

/// Which roles are asked for.
#[derive(Clone, Debug)]
pub struct AskedBindings {
    /// The space.
    pub space: SpaceName,
    /// Only this person.
    pub user: Option<UserName>,
    /// Only those after the one of this key.
    pub after: String,
    /// At most so many.
    pub limit: i64,
}

impl AskedBindings {
    /// Reads the question of a request.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT`.
    pub fn read(question: Option<BindingsQuestion>) -> Result<Self, Fault> {
        let request = question.unwrap_or_default();
        let mut fields = Fields::new();
        let space = fields.parse::<SpaceName>("space", &request.space);
        let user = match request.user.as_str() {
            "" => Some(None),
            user => fields.parse::<UserName>("user", user).map(Some),
        };
        let limit = fields.check("limit", page::asked(request.limit));
        let ((space, user), limit) = fields.finish_with(space.zip(user).zip(limit))?;
        Ok(Self { space, user, after: request.after, limit })
    }
}

/// Admins, with who made them so by these changes. Their keys are their encoded ids.
///
/// # Errors
/// Faults of the database.
pub async fn admin_bindings_to_wire(
    db: &mut Conn,
    admins: Vec<(UserName, Changed)>,
) -> Result<Vec<Binding>, Fault> {
    let (people, given): (Vec<_>, Vec<_>) = admins.into_iter().unzip();
    let by = actors(db, &given).await?;
    let binding = |((user, given), given_by): ((UserName, Changed), String)| Binding {
        key: user.id().to_owned(),
        user: user.to_string(),
        start_time: Some(given.time.into()),
        given_by,
        ..Binding::default()
    };
    Ok(people.into_iter().zip(given).zip(by).map(binding).collect())
}
