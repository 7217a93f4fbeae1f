//! This version and an earlier one in turn on one store, as by a deployment and its rollback.
//! `scripts/verify-consistency --beside COMMIT` names the earlier version; otherwise this version plays both parts.

use std::process::{Command, ExitStatus};

use serde_json::json;
use tokio::runtime::Runtime;

use super::{processes::beside, service::BINARY};
use crate::{
    store::{
        dynamodb::table::{Table, VARIABLES, server, text},
        file_format::{ENDPOINTS, end, read, write},
    },
    support::{Echo, changes},
};

const MEMBER: &str = "later";

type Started = Result<Echo, (ExitStatus, String)>;

/// A separate store.
struct Place<'a> {
    start: &'a dyn Fn(&str) -> Started,
    /// Adds a member to a mock, as a later version would.
    add: &'a dyn Fn(&str),
    has: &'a dyn Fn(&str) -> bool,
}

fn start(binary: &str, store: &str) -> Started {
    let mut command = Command::new(binary);
    command.env_clear().envs(VARIABLES).env("AWS_ENDPOINT_URL", server());
    Echo::spawn(command.args([
        "--listen",
        "127.0.0.1:0",
        "--rate-limit",
        "0",
        "--log-format",
        "json",
        "--store",
        store,
    ]))
}

fn in_places(test: impl Fn(&Place)) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("echo.redb");
    test(&Place {
        start: &|binary| start(binary, &format!("file:{}", path.display())),
        add: &|id| {
            let record = String::from_utf8(read(&path, ENDPOINTS, id).unwrap()).unwrap();
            write(&path, ENDPOINTS, id, Some(format!("{{\"{MEMBER}\":1,{}", &record[1..]).as_bytes()));
        },
        has: &|id| String::from_utf8(read(&path, ENDPOINTS, id).unwrap()).unwrap().contains(MEMBER),
    });
    let runtime = Runtime::new().unwrap();
    let table = runtime.block_on(Table::create());
    let item = |id: &str| runtime.block_on(table.item("ENDPOINT", id)).unwrap();
    test(&Place {
        start: &|binary| start(binary, &format!("dynamodb:{}", table.name)),
        add: &|id| {
            let mut item = item(id);
            item.insert(MEMBER.into(), text("1"));
            runtime.block_on(table.put(item));
        },
        has: &|id| item(id).contains_key(MEMBER),
    });
}

/// Each version finds all earlier creations and changes.
#[test]
fn a_rollback_goes_on_with_a_file_or_a_table_of_dynamodb_that_the_earlier_version_made() {
    in_places(|place| {
        let (mut ids, mut code) = (Vec::<String>::new(), 200);
        for binary in [beside(), BINARY, beside(), BINARY] {
            let echo = (place.start)(binary).unwrap();
            for (n, id) in ids.iter().enumerate() {
                let path = format!("/{n}");
                assert_eq!(echo.call("GET", &path).status, code, "{binary} {path}");
                assert_eq!(echo.patch(id, &changes(json!({"response": {"code": code + 1}}))).status, 200, "{binary}");
            }
            code += 1;
            ids.push(echo.create("GET", &format!("/{}", ids.len()), json!({"code": code})));
            end(echo);
        }
    });
}

#[test]
fn an_earlier_version_keeps_what_it_does_not_know_in_a_file_and_in_dynamodb_or_leaves_all_of_it_alone() {
    in_places(|place| {
        let echo = (place.start)(BINARY).unwrap();
        let id = echo.create("GET", "/x", json!({"code": 200}));
        end(echo);
        (place.add)(&id);
        let mut code = 201;
        match (place.start)(beside()) {
            Ok(echo) => {
                assert_eq!(echo.patch(&id, &changes(json!({"response": {"code": code}}))).status, 200);
                end(echo);
            }
            Err((_, errors)) => {
                assert!(beside() != BINARY && errors.contains("format 2"), "{errors}");
                code = 200;
            }
        }
        assert!((place.has)(&id));
        let echo = (place.start)(BINARY).unwrap();
        assert_eq!(echo.call("GET", "/x").status, code);
        end(echo);
        assert!((place.has)(&id));
    });
}
