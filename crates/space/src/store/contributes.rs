//! SQL: whether somebody contributes to an app in use of a space, by any way (R-A5): for the facts of spaces.
use super::contributor;

/// Whether a person contributes by a role that does not end. Both are given as SQL.
pub(crate) fn lasting(person: &str, space: &str) -> String {
    let own = contributor::contributes(person, space, "k.expire_time IS NULL");
    format!(
        "({own}
          OR (SELECT r.app FROM group_member m JOIN group_role r ON r.group_id = m.group_id
              WHERE m.person = {person} AND m.space = {space} AND r.expire_time IS NULL
              ORDER BY m.group_id, r.app LIMIT 1) IS NOT NULL
          OR (SELECT x.app FROM app_group_role r JOIN app_group_app x ON x.app_group = r.app_group
              WHERE r.person = {person} AND r.space = {space} AND r.expire_time IS NULL
              ORDER BY r.app_group, x.app LIMIT 1) IS NOT NULL
          OR (SELECT x.app FROM group_member m JOIN app_group_role r ON r.group_id = m.group_id
                JOIN app_group_app x ON x.app_group = r.app_group
              WHERE m.person = {person} AND m.space = {space} AND r.expire_time IS NULL
              ORDER BY m.group_id, r.app_group, x.app LIMIT 1) IS NOT NULL)"
    )
}

/// When the last role ends, of those that do, that a person has in their own right, through groups, through app groups, and
/// through both.
pub(crate) fn until(person: &str, space: &str) -> [String; 4] {
    let own = format!(
        "(SELECT MAX(k.expire_time) FROM contributor k
          WHERE k.person = {person} AND k.space = {space} AND k.expire_time IS NOT NULL
            AND (SELECT l.delete_time IS NULL FROM app l WHERE l.id = k.app))"
    );
    let group = format!(
        "(SELECT MAX((SELECT MAX(r.expire_time) FROM group_role r
                      WHERE r.group_id = m.group_id AND r.expire_time IS NOT NULL))
          FROM group_member m WHERE m.person = {person} AND m.space = {space})"
    );
    let any_app = "(SELECT x.app FROM app_group_app x WHERE x.app_group = r.app_group ORDER BY x.app LIMIT 1) IS NOT NULL";
    let app_group = format!(
        "(SELECT MAX(r.expire_time) FROM app_group_role r
          WHERE r.person = {person} AND r.space = {space} AND r.expire_time IS NOT NULL AND {any_app})"
    );
    let both = format!(
        "(SELECT MAX(r.expire_time) FROM group_member m JOIN app_group_role r ON r.group_id = m.group_id
          WHERE m.person = {person} AND m.space = {space} AND r.expire_time IS NOT NULL AND {any_app})"
    );
    [own, group, app_group, both]
}
