//! A damaged record whose mock comes before other mocks, or after them.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;
use tokio::runtime::Runtime;

use crate::{
    damage::{assert_damaged, change},
    store::dynamodb::{
        replicas,
        table::{Table, server},
    },
    support::{Echo, changes},
};

struct Scene {
    runtime: Runtime,
    table: Table,
    /// Has loaded the records before the damage.
    first: Echo,
}

impl Scene {
    fn set() -> Self {
        let (runtime, table) = (Runtime::new().unwrap(), replicas::table());
        let first = replicas::start(&table, server());
        Self { runtime, table, first }
    }

    /// A process that has loaded the damaged record. `shows_route`: whether the record shows the route of its mock.
    fn damaged(&self, id: &str, shows_route: bool) -> Echo {
        let mut attributes = vec![("code", AttributeValue::N("99".into()))];
        if !shows_route {
            attributes.push(("path", AttributeValue::S("no path".into())));
        }
        self.runtime.block_on(change(&self.table, id, &attributes));
        replicas::start(&self.table, server())
    }
}

#[test]
fn no_hidden_mock_answers_in_place_of_a_damaged_one() {
    for shows_route in [true, false] {
        let scene = Scene::set();
        let id = scene.first.create("GET", "/a/b", json!({"code": 200}));
        scene.first.create("GET", "/a/{x}", json!({"code": 203}));
        scene.first.create("ANY", "/{*all}", json!({"code": 299}));
        let echo = scene.damaged(&id, shows_route);
        assert_damaged(&echo.call("GET", "/a/b"), "the damaged mock");
        assert_eq!(["/a/c", "/c"].map(|path| echo.call("GET", path).status), [203, 299]);
        assert_eq!(echo.delete(&id).status, 204);
        assert_eq!([&echo, &scene.first].map(|echo| echo.call("GET", "/a/b").status), [203; 2]);
    }
}

#[test]
fn a_damaged_mock_hides_only_mocks_that_come_later() {
    let scene = Scene::set();
    let id = scene.first.create("GET", "/a/{x}", json!({"code": 200}));
    scene.first.create("GET", "/a/b", json!({"code": 203}));
    scene.first.create("GET", "/{x}/{y}", json!({"code": 299}));
    let echo = scene.damaged(&id, true);
    assert_damaged(&echo.call("GET", "/a/c"), "the damaged mock");
    assert_eq!(["/a/b", "/b/c"].map(|path| echo.call("GET", path).status), [203, 299]);
    assert_eq!(echo.delete(&id).status, 204);
    assert_eq!([&echo, &scene.first].map(|echo| echo.call("GET", "/a/c").status), [299; 2]);
}

/// By a process that has loaded the mock before the damage.
#[test]
fn a_damaged_mock_with_a_priority_is_deleted_with_its_claim() {
    let scene = Scene::set();
    let id = scene.first.create("GET", "/{x}", json!({"code": 200}));
    assert_eq!(scene.first.patch(&id, &changes(json!({"priority": 5}))).status, 200);
    scene.damaged(&id, false);
    assert_eq!(scene.first.delete(&id).status, 204);
    assert_eq!(
        scene.runtime.block_on(scene.table.items()).iter().filter(|item| item["SK"].as_s().unwrap() == "ROUTE").count(),
        0
    );
}
