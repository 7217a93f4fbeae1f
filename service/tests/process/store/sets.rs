//! Writes on the condition that no other write has touched a set.

use std::sync::Arc;

use echo_service::{
    domain::{Mock, SetName, Verb},
    store::{Untouched, Version, Write, WriteError},
};

use super::{Subject, endpoint, response};

fn mock(path: &str, set: Option<&str>) -> Mock {
    Mock { set: set.map(|name| SetName::parse(name).unwrap()), ..endpoint(Verb::Get, path, &response(1)) }
}

/// Writes by another hand, each between the plan and the write of a set with one mock.
pub async fn only_writes_that_touch_the_set_refuse_its_next_write<S: Subject>() {
    let subject = S::empty().await;
    let store = subject.store();
    let (member, other) = (mock("/member", Some("shop")), mock("/other", Some("other")));
    let mut versions = Vec::new();
    for one in [&member, &other] {
        versions.push(store.write(Write::Create(one.clone())).await.unwrap());
    }
    let replace = |one: &Mock, set, expected| Write::Replace { endpoint: Mock { set, ..one.clone() }, expected };
    let (shop, none) = (SetName::parse("shop").ok(), None::<SetName>);
    let mut plans = 0;
    let mut write_after = async |write: Option<Write>| {
        let since = store.head().await.unwrap();
        if let Some(write) = write {
            versions.push(store.write(write).await.unwrap());
        }
        plans += 1;
        let (set, members) = (shop.clone().unwrap(), Arc::new([member.id].into()));
        let new = Write::Create(mock(&format!("/new/{plans}"), None));
        let outcome = store.write_if(Some(Untouched { set, members, since }), vec![new]).await;
        assert!(matches!(outcome, Ok(_) | Err(WriteError::Changed)), "{outcome:?}");
        (*versions.last().unwrap(), outcome.is_ok())
    };
    let first = Version(1);
    assert!(write_after(None).await.1);
    assert!(write_after(Some(Write::Create(mock("/plain", None)))).await.1, "a mock without a set");
    assert!(write_after(Some(Write::Create(mock("/second", Some("other"))))).await.1, "another set");
    let (version, is_done) = write_after(Some(replace(&other, shop.clone(), Version(2)))).await;
    assert!(!is_done, "a mock joins the set");
    let (_, is_done) = write_after(Some(Write::Delete { id: other.id, expected: version })).await;
    assert!(is_done, "the deleted mock is no member of the plan");
    assert!(!write_after(Some(Write::Create(mock("/third", Some("shop"))))).await.1, "a new mock of the set");
    let (version, is_done) = write_after(Some(replace(&member, none, first))).await;
    assert!(!is_done, "a member leaves");
    assert!(!write_after(Some(Write::Delete { id: member.id, expected: version })).await.1, "a member is deleted");
    assert!(write_after(None).await.1);
}

/// A gap in the log may hide any write.
pub async fn a_version_before_the_log_refuses_a_write_of_a_set<S: Subject>() {
    let subject = S::empty().await;
    subject.store().write(Write::Create(mock("/old", Some("shop")))).await.unwrap();
    subject.forget_log().await;
    let untouched =
        Untouched { set: SetName::parse("shop").unwrap(), members: Arc::default(), since: Version::default() };
    let outcome = subject.store().write_if(Some(untouched), vec![Write::Create(mock("/new", None))]).await;
    assert!(matches!(outcome, Err(WriteError::Changed)), "{outcome:?}");
}
