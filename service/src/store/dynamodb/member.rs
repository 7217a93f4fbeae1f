//! Members of a record as attributes of an item: each JSON value has its type in DynamoDB.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value;

/// The attribute for a member.
pub(super) fn attribute(member: Value) -> AttributeValue {
    match member {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(flag) => AttributeValue::Bool(flag),
        Value::Number(number) => AttributeValue::N(number.to_string()),
        Value::String(text) => AttributeValue::S(text),
        Value::Array(list) => AttributeValue::L(list.into_iter().map(attribute).collect()),
        Value::Object(map) => {
            AttributeValue::M(map.into_iter().map(|(name, member)| (name, attribute(member))).collect())
        }
    }
}

/// The member in an attribute, or `None` for a type that [`attribute`] does not write.
pub(super) fn member(attribute: &AttributeValue) -> Option<Value> {
    Some(match attribute {
        AttributeValue::Null(_) => Value::Null,
        AttributeValue::Bool(flag) => Value::Bool(*flag),
        AttributeValue::N(digits) => Value::Number(digits.parse().ok()?),
        AttributeValue::S(text) => Value::String(text.clone()),
        AttributeValue::L(list) => list.iter().map(member).collect::<Option<_>>().map(Value::Array)?,
        AttributeValue::M(map) => {
            let members = map.iter().map(|(name, attribute)| Some((name.clone(), member(attribute)?)));
            members.collect::<Option<_>>().map(Value::Object)?
        }
        _ => return None,
    })
}
