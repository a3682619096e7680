//! Types → JSON Schema, the way the REST door describes them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

use crate::event::Event;

/// A type and all that it is made of.
pub(crate) struct Shape {
    name: String,
    schemas: Vec<(String, RefOr<Schema>)>,
}

impl Shape {
    pub(crate) fn of<T: ToSchema>() -> Self {
        let name = T::name().into_owned();
        let mut schemas = vec![(name.clone(), T::schema())];
        T::schemas(&mut schemas);
        Self { name, schemas }
    }
}

/// `components.schemas` of the document.
#[derive(Default)]
pub(super) struct Schemas(BTreeMap<String, Value>);

impl Schemas {
    /// Adds a type; the answer is a reference to it.
    pub(super) fn add(&mut self, shape: Shape) -> Value {
        for (name, schema) in shape.schemas {
            self.0.entry(name).or_insert_with(|| as_value(&schema));
        }
        reference(&shape.name)
    }

    /// Adds a schema of the document's own.
    pub(super) fn insert(&mut self, name: &str, schema: Value) -> Value {
        self.0.insert(name.to_owned(), schema);
        reference(name)
    }

    pub(super) fn into_value(self) -> Value {
        Value::Object(self.0.into_iter().collect())
    }

    /// All of them by name.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.0.iter()
    }

    /// A schema that was added.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }
}

pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn as_value(schema: &RefOr<Schema>) -> Value {
    serde_json::to_value(schema).unwrap_or(Value::Null)
}

/// The schemas of the events' `data` by the events' names, and of all that they are made of.
pub(super) fn events(schemas: &mut Schemas) -> Vec<(String, Value)> {
    let mut parts = Vec::new();
    Event::schemas(&mut parts);
    for (name, schema) in parts {
        schemas.0.entry(name).or_insert_with(|| as_value(&schema));
    }
    let event = as_value(&Event::schema());
    let variants = event.get("oneOf").and_then(Value::as_array).cloned().unwrap_or_default();
    variants
        .iter()
        .filter_map(|variant| {
            let members = variant.get("properties")?;
            let name = members.get("type")?.get("enum")?.get(0)?.as_str()?;
            let data = members.get("data").cloned().unwrap_or_else(|| json!({ "type": "object" }));
            Some((name.to_owned(), describe(data, variant.get("description"))))
        })
        .collect()
}

fn describe(mut schema: Value, description: Option<&Value>) -> Value {
    if let (Some(description), Some(object)) = (description, schema.as_object_mut()) {
        object.entry("description").or_insert_with(|| description.clone());
    }
    schema
}

/// The members of an object schema, those of a reference's target too.
pub(super) fn members<'a>(
    schemas: &'a Schemas,
    schema: &'a Value,
) -> Option<(&'a Map<String, Value>, Vec<&'a str>)> {
    let mut schema = schema;
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        schema = schemas.get(target.rsplit('/').next()?)?;
    }
    let required = schema.get("required").and_then(Value::as_array);
    let required = required.map(|names| names.iter().filter_map(Value::as_str).collect()).unwrap_or_default();
    Some((schema.get("properties")?.as_object()?, required))
}
