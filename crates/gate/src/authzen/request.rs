//! The requests of the API as they are in JSON. All of them have the same members, of which each endpoint looks at its own.
//! `properties` and `context` are for policies over attributes: permissions here depend on none, and they are passed over.
use serde::de::{IgnoredAny, MapAccess, SeqAccess};

use super::json::{Given, Shape, member};

/// The most questions of a request: those of a batch.
pub(super) const MAX_EVALUATIONS: usize = 1_000;

/// A request.
#[derive(Debug, Default)]
pub(super) struct Request {
    /// The question, or what those in `evaluations` have in common.
    pub(super) question: Question,
    pub(super) evaluations: Given<Evaluations>,
    pub(super) options: Given<Options>,
    pub(super) page: Given<Page>,
}

/// May this subject do this, on this resource?
#[derive(Debug, Default)]
pub(super) struct Question {
    pub(super) subject: Given<Entity>,
    pub(super) action: Given<Entity>,
    pub(super) resource: Given<Entity>,
}

/// A subject or a resource, by type and id, or an action, by name.
#[derive(Debug, Default)]
pub(super) struct Entity {
    pub(super) kind: Given<String>,
    pub(super) id: Given<String>,
    pub(super) name: Given<String>,
}

/// Questions.
#[derive(Debug)]
pub(super) enum Evaluations {
    Are(Vec<Given<Question>>),
    /// More than may be. They are not kept.
    TooMany,
}

/// How a request is to be carried out.
#[derive(Debug, Default)]
pub(super) struct Options {
    pub(super) semantic: Given<String>,
}

/// Which page of a list.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) token: Given<String>,
    pub(super) limit: Given<u64>,
}

const OBJECT: &str = "an object";

impl Shape for Request {
    const KIND: &'static str = "a JSON object";

    fn object<'de, A: MapAccess<'de>>(mut members: A) -> Result<Given<Self>, A::Error> {
        let mut it = Self::default();
        while let Some(name) = members.next_key::<String>()? {
            match &*name {
                "evaluations" => member(&mut it.evaluations, "evaluations", &mut members)?,
                "options" => member(&mut it.options, "options", &mut members)?,
                "page" => member(&mut it.page, "page", &mut members)?,
                other => it.question.member(other, &mut members)?,
            }
        }
        Ok(Given::Value(it))
    }
}

impl Question {
    fn member<'de, A: MapAccess<'de>>(&mut self, name: &str, members: &mut A) -> Result<(), A::Error> {
        match name {
            "subject" => member(&mut self.subject, "subject", members),
            "action" => member(&mut self.action, "action", members),
            "resource" => member(&mut self.resource, "resource", members),
            _ => members.next_value::<IgnoredAny>().map(drop),
        }
    }
}

impl Shape for Question {
    const KIND: &'static str = OBJECT;

    fn null() -> Given<Self> {
        Given::Wrong
    }

    fn object<'de, A: MapAccess<'de>>(mut members: A) -> Result<Given<Self>, A::Error> {
        let mut it = Self::default();
        while let Some(name) = members.next_key::<String>()? {
            it.member(&name, &mut members)?;
        }
        Ok(Given::Value(it))
    }
}

impl Shape for Entity {
    const KIND: &'static str = OBJECT;

    // Whoever forgot to say whom a question is about must not get the answer about whom all others are.
    fn null() -> Given<Self> {
        Given::Wrong
    }

    fn object<'de, A: MapAccess<'de>>(mut members: A) -> Result<Given<Self>, A::Error> {
        let mut it = Self::default();
        while let Some(name) = members.next_key::<String>()? {
            match &*name {
                "type" => member(&mut it.kind, "type", &mut members)?,
                "id" => member(&mut it.id, "id", &mut members)?,
                "name" => member(&mut it.name, "name", &mut members)?,
                _ => members.next_value::<IgnoredAny>().map(drop)?,
            }
        }
        Ok(Given::Value(it))
    }
}

impl Shape for Evaluations {
    const KIND: &'static str = "an array";

    fn array<'de, A: SeqAccess<'de>>(mut elements: A) -> Result<Given<Self>, A::Error> {
        let mut questions = Vec::new();
        while questions.len() < MAX_EVALUATIONS {
            let Some(question) = elements.next_element()? else {
                return Ok(Given::Value(Self::Are(questions)));
            };
            questions.push(question);
        }
        let mut more = false;
        while elements.next_element::<IgnoredAny>()?.is_some() {
            more = true;
        }
        Ok(Given::Value(if more { Self::TooMany } else { Self::Are(questions) }))
    }
}

impl Shape for Options {
    const KIND: &'static str = OBJECT;

    fn object<'de, A: MapAccess<'de>>(mut members: A) -> Result<Given<Self>, A::Error> {
        let mut it = Self::default();
        while let Some(name) = members.next_key::<String>()? {
            match &*name {
                "evaluations_semantic" => member(&mut it.semantic, "evaluations_semantic", &mut members)?,
                _ => members.next_value::<IgnoredAny>().map(drop)?,
            }
        }
        Ok(Given::Value(it))
    }
}

impl Shape for Page {
    const KIND: &'static str = OBJECT;

    fn object<'de, A: MapAccess<'de>>(mut members: A) -> Result<Given<Self>, A::Error> {
        let mut it = Self::default();
        while let Some(name) = members.next_key::<String>()? {
            match &*name {
                "token" => member(&mut it.token, "token", &mut members)?,
                "limit" => member(&mut it.limit, "limit", &mut members)?,
                _ => members.next_value::<IgnoredAny>().map(drop)?,
            }
        }
        Ok(Given::Value(it))
    }
}
