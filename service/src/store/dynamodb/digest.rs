//! The digest of an endpoint as DynamoDB stores it.
//!
//! All versions of Echo compute the same digest, so it covers unknown attributes as well. Endpoint and entry of the log
//! give the same digest, so it leaves out the attributes of the entry.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use sha2::{Digest as _, Sha256};

use crate::{domain::EndpointId, store::Digest};

/// `left_out`: the attributes of the entry.
pub(super) fn digest(id: EndpointId, item: &HashMap<String, AttributeValue>, left_out: &[&str]) -> Digest {
    let mut hash = Sha256::new();
    text(&mut hash, b'I', id.to_string().as_bytes());
    map(&mut hash, item, |name| !left_out.contains(&name));
    let hash = hash.finalize();
    Digest(u64::from_be_bytes(*hash.first_chunk().expect("it has 32 bytes")))
}

/// A kind and a length before each value, so that no two different items have the same text.
fn text(hash: &mut Sha256, kind: u8, bytes: &[u8]) {
    hash.update([kind]);
    hash.update((bytes.len() as u64).to_be_bytes());
    hash.update(bytes);
}

fn map(hash: &mut Sha256, map: &HashMap<String, AttributeValue>, is_own: impl Fn(&str) -> bool) {
    let mut members: Vec<_> = map.iter().filter(|(name, _)| is_own(name)).collect();
    members.sort_unstable_by_key(|(name, _)| *name);
    text(hash, b'M', &members.len().to_be_bytes());
    for (name, member) in members {
        text(hash, b'K', name.as_bytes());
        value(hash, member);
    }
}

fn value(hash: &mut Sha256, of: &AttributeValue) {
    match of {
        AttributeValue::S(string) => text(hash, b'S', string.as_bytes()),
        AttributeValue::N(digits) => text(hash, b'N', digits.as_bytes()),
        AttributeValue::B(blob) => text(hash, b'B', blob.as_ref()),
        AttributeValue::Bool(is) => text(hash, b'T', &[u8::from(*is)]),
        AttributeValue::L(list) => {
            text(hash, b'L', &list.len().to_be_bytes());
            for of in list {
                value(hash, of);
            }
        }
        AttributeValue::M(members) => map(hash, members, |_| true),
        AttributeValue::Ss(texts) => set(hash, texts.iter().map(String::as_bytes)),
        AttributeValue::Ns(numbers) => set(hash, numbers.iter().map(String::as_bytes)),
        AttributeValue::Bs(blobs) => set(hash, blobs.iter().map(AsRef::as_ref)),
        // Null, or of a kind that this version of the SDK does not know.
        _ => text(hash, b'0', &[]),
    }
}

/// DynamoDB returns the members of a set in any order.
fn set<'a>(hash: &mut Sha256, members: impl Iterator<Item = &'a [u8]>) {
    let mut members: Vec<_> = members.collect();
    members.sort_unstable();
    text(hash, b'E', &members.len().to_be_bytes());
    for member in members {
        text(hash, b'S', member);
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::primitives::Blob;

    use super::*;
    use crate::store::dynamodb::item::FOREIGN;

    fn of(members: &[(&str, AttributeValue)]) -> Digest {
        let id = EndpointId::parse("0199d5a0-0000-7000-8000-000000000001").unwrap();
        let item = members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        digest(id, &item, &FOREIGN)
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    /// Other processes compute the digest by other versions of Echo, so the digest must not change.
    #[test]
    fn a_digest_is_the_same_in_all_versions_and_leaves_out_the_attributes_of_the_log() {
        let body = ("body", AttributeValue::S("Hello".into()));
        assert_eq!(of(std::slice::from_ref(&body)), Digest(16_290_306_518_747_819_065));
        let log = ["PK", "SK", "token", "expires_at", "endpoint_id", "changes"];
        let mut entry = log.map(|name| (name, AttributeValue::N("1".into()))).to_vec();
        entry.push(body.clone());
        assert_eq!(of(&entry), of(&[body]));
    }

    #[test]
    fn only_the_order_of_names_and_of_sets_makes_no_difference() {
        let set = |members: &[&str]| AttributeValue::Ss(texts(members));
        assert_eq!(of(&[("x", set(&["a", "b"]))]), of(&[("x", set(&["b", "a"]))]));
        let list = |members: &[&str]| AttributeValue::L(texts(members).into_iter().map(AttributeValue::S).collect());
        let map = |name: &str| AttributeValue::M([(name.to_owned(), AttributeValue::Null(true))].into());
        let blob = |byte: u8| AttributeValue::B(Blob::new([byte]));
        let different = [
            vec![],
            vec![("x", set(&["a", "b"]))],
            vec![("x", set(&["ab"]))],
            vec![("x", AttributeValue::Ns(texts(&["1"])))],
            vec![("x", AttributeValue::Bs(vec![Blob::new([1])]))],
            vec![("x", list(&["a", "b"]))],
            vec![("x", list(&["b", "a"]))],
            vec![("x", list(&["ab"]))],
            vec![("x", map("a"))],
            vec![("x", map("b"))],
            vec![("x", blob(1))],
            vec![("x", blob(2))],
            vec![("x", AttributeValue::S("1".into()))],
            vec![("x", AttributeValue::N("1".into()))],
            vec![("y", AttributeValue::N("1".into()))],
            vec![("x", AttributeValue::Bool(true))],
            vec![("x", AttributeValue::Bool(false))],
            vec![("x", AttributeValue::Null(true))],
        ];
        for (at, one) in different.iter().enumerate() {
            for other in &different[..at] {
                assert_ne!(of(one), of(other), "{one:?} {other:?}");
            }
        }
    }
}
