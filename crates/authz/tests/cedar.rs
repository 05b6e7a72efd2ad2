//! The policy against a second, independent statement of the rules, in Cedar (`cedar/policy.cedar`): over every
//! permission and every combination of facts the two must agree.

use std::thread;

use cedar_policy::{
    ActionConstraint, Authorizer, Context, Decision, Entities, EntityTypeName, EntityUid, Policy, PolicySet,
    Request, RestrictedExpression, Schema, ValidationMode, Validator,
};
use devspaces_authz::{Facts, Outcome, Permission, ResourceType, SubjectKind, decide};

use crate::combinations::{every, subjects};

const POLICY: &str = include_str!("cedar/policy.cedar");
const SCHEMA: &str = include_str!("cedar/schema.cedarschema");

/// The two kinds of principal.
struct Principals {
    user: EntityUid,
    service: EntityUid,
}

/// A permission as Cedar asks for it.
struct Question {
    permission: Permission,
    action: EntityUid,
    resource: EntityUid,
    /// The policies that can apply to the action: any other's scope rules it out.
    policies: PolicySet,
}

fn uid(kind: &str, id: &str) -> EntityUid {
    let kind: EntityTypeName = kind.parse().unwrap();
    EntityUid::from_type_name_and_id(kind, id.parse().unwrap())
}

fn questions() -> Vec<Question> {
    let all: PolicySet = POLICY.parse().unwrap();
    let question = |permission: Permission| {
        let action = uid("Action", permission.name());
        let resource = match permission.resource_type() {
            ResourceType::Platform => uid("Platform", "devspaces"),
            ResourceType::Space => uid("Space", "space"),
            ResourceType::App => uid("App", "app"),
        };
        let policies = all.policies().filter(|policy| may_apply(policy, &action)).cloned();
        Question { permission, policies: PolicySet::from_policies(policies).unwrap(), action, resource }
    };
    Permission::ALL.map(question).into()
}

fn may_apply(policy: &Policy, action: &EntityUid) -> bool {
    match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(only) => only == *action,
        ActionConstraint::In(listed) => listed.contains(action),
    }
}

fn context(facts: &Facts) -> Context {
    let space = facts.space.known().unwrap();
    let membership = facts.membership.known().unwrap();
    let app = facts.app.known().unwrap();
    let mut roles = Vec::new();
    roles.extend(membership.role.map(|role| format!("console {}", format!("{role:?}").to_lowercase())));
    roles.extend(app.role.map(|role| format!("app {}", format!("{role:?}").to_lowercase())));
    roles.extend(facts.billing.known().unwrap().admin.then(|| "billing admin".to_owned()));
    roles.extend(facts.marketplace.known().unwrap().admin.then(|| "marketplace admin".to_owned()));
    let configured = facts.named_permissions.iter().map(|permission| permission.name().to_owned()).collect();
    let strings = |values: Vec<String>| {
        RestrictedExpression::new_set(values.into_iter().map(RestrictedExpression::new_string))
    };
    Context::from_pairs([
        ("roles".to_owned(), strings(roles)),
        ("configured".to_owned(), strings(configured)),
        ("published".to_owned(), RestrictedExpression::new_bool(space.published)),
        ("appCreation".to_owned(), RestrictedExpression::new_string(space.app_creation.name().to_owned())),
        ("staffed".to_owned(), RestrictedExpression::new_bool(membership.has_admin)),
        ("contributes".to_owned(), RestrictedExpression::new_bool(space.contributes)),
        ("viewAllApps".to_owned(), RestrictedExpression::new_bool(membership.view_all_apps)),
        ("linked".to_owned(), RestrictedExpression::new_bool(app.linked)),
        ("deleted".to_owned(), RestrictedExpression::new_bool(app.deleted)),
        ("suspended".to_owned(), RestrictedExpression::new_bool(!app.suspension.is_none())),
        ("wantsConsent".to_owned(), RestrictedExpression::new_bool(app.wants_consent)),
        ("active".to_owned(), RestrictedExpression::new_bool(facts.active.known().unwrap())),
    ])
    .unwrap()
}

/// Holds both against each other over these facts and every permission; answers how often it was allowed.
fn agree(facts: &[Facts], questions: &[Question], principals: &Principals) -> usize {
    let authorizer = Authorizer::new();
    let entities = Entities::empty();
    let mut allowed = 0;
    for facts in facts {
        let context = context(facts);
        let principal = match facts.subject {
            SubjectKind::User => &principals.user,
            SubjectKind::Service => &principals.service,
        };
        for question in questions {
            let (action, resource) = (question.action.clone(), question.resource.clone());
            let request = Request::new(principal.clone(), action, resource, context.clone(), None).unwrap();
            let response = authorizer.is_authorized(&request, &question.policies, &entities);
            assert_eq!(response.diagnostics().errors().count(), 0, "{:?}", response.diagnostics());
            let expected = match response.decision() {
                Decision::Allow => Outcome::Allowed,
                Decision::Deny => Outcome::Denied,
            };
            let outcome = decide(question.permission, facts).outcome();
            assert_eq!(outcome, expected, "{} of {facts:?}", question.permission.name());
            allowed += usize::from(expected == Outcome::Allowed);
        }
    }
    allowed
}

// R-P1: a name misspelt in the Cedar policies would silently grant nothing.
#[test]
fn the_cedar_policies_fit_their_schema() {
    let schema: Schema = SCHEMA.parse().unwrap();
    let result = Validator::new(schema.clone()).validate(&POLICY.parse().unwrap(), ValidationMode::Strict);
    assert!(result.validation_passed(), "{result}");
    let mut named: Vec<_> = schema.actions().map(|action| action.id().unescaped().to_owned()).collect();
    let mut catalogue: Vec<_> = Permission::ALL.map(|permission| permission.name().to_owned()).into();
    named.sort();
    catalogue.sort();
    assert_eq!(named, catalogue);
}

// R-S1, R-S3, R-S4, R-M2, R-M3, R-M7, R-A1 to R-A6, R-B1 to R-B13, R-K1 to R-K6, R-P1, R-P7, R-J3
#[test]
fn every_decision_agrees_with_cedar_for_every_combination_of_facts() {
    let questions = questions();
    let principals = Principals { user: uid("User", "alice"), service: uid("Service", "metering") };
    let combinations = every(&subjects());
    let (first, second) = combinations.split_at(combinations.len() / 2);
    let allowed = thread::scope(|scope| {
        let other = scope.spawn(|| agree(second, &questions, &principals));
        agree(first, &questions, &principals) + other.join().unwrap()
    });
    // Neither side is empty: both would agree on nothing too.
    let decisions = combinations.len() * questions.len();
    assert!(allowed > decisions / 20 && allowed < decisions / 2, "{allowed} of {decisions}");
}
