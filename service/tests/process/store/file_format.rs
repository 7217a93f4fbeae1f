//! The format of a file, and members of a later version.

use std::{fs, io::Read as _, path::Path};

use echo_service::{
    domain::Verb,
    store::{Changes, EmbeddedStore, Store as _, Version, Write, WriteError},
};
use flate2::read::GzDecoder;
use redb::{Database, ReadableDatabase as _, TableDefinition};
use serde_json::{Value, json};

use super::{endpoint, response, serves_and_changes_format_1};
use crate::support::{Echo, changes};

pub type Definition = TableDefinition<'static, &'static [u8], &'static [u8]>;
const META: Definition = TableDefinition::new("meta");
pub const ENDPOINTS: Definition = TableDefinition::new("endpoints");

/// The value of a key in a closed file.
pub fn read(path: &Path, table: Definition, key: &str) -> Option<Vec<u8>> {
    let table = Database::open(path).unwrap().begin_read().unwrap().open_table(table).unwrap();
    table.get(key.as_bytes()).unwrap().map(|value| value.value().to_vec())
}

/// `None` removes the key.
pub fn write(path: &Path, table: Definition, key: &str, value: Option<&[u8]>) {
    let database = Database::open(path).unwrap();
    let txn = database.begin_write().unwrap();
    match value {
        Some(value) => drop(txn.open_table(table).unwrap().insert(key.as_bytes(), value).unwrap()),
        None => drop(txn.open_table(table).unwrap().remove(key.as_bytes()).unwrap()),
    }
    txn.commit().unwrap();
}

/// The marks of the file: `needed` and `written`.
fn marks(path: &Path) -> [Option<u64>; 2] {
    ["format", "written"].map(|key| Some(u64::from_be_bytes(read(path, META, key)?.try_into().unwrap())))
}

fn mark(path: &Path, key: &str, number: u64) {
    write(path, META, key, Some(&number.to_be_bytes()));
}

fn start(path: &Path) -> Echo {
    Echo::start(&["--store", &format!("file:{}", path.display())])
}

pub fn end(mut echo: Echo) {
    echo.signal("TERM");
    assert!(echo.wait().success());
}

#[test]
fn a_new_file_has_the_newest_format_and_an_old_file_keeps_its_format() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("echo.redb");
    let echo = start(&path);
    let id = echo.create("GET", "/x", json!({"code": 200}));
    end(echo);
    assert_eq!(marks(&path), [Some(5), Some(5)]);
    let changed = || {
        let echo = start(&path);
        assert_eq!(echo.patch(&id, &changes(json!({"response": {"code": 201}}))).status, 200);
        end(echo);
    };
    mark(&path, "written", 7);
    changed();
    assert_eq!(marks(&path), [Some(5), Some(7)]);
    mark(&path, "format", 1);
    write(&path, META, "written", None);
    changed();
    assert_eq!(marks(&path), [Some(1), None]);
}

/// Text for text: a number may have more digits than a version can reckon with.
#[test]
fn changes_keep_unknown_members_of_a_mock() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("echo.redb");
    let echo = start(&path);
    let id = echo.create("GET", "/x", json!({"code": 200, "body": "Hello"}));
    end(echo);
    let later = r#""pause":{"median":"200ms","p99":0.1000000000000000055},"weight":123456789012345678901234567890,"tags":[null,true,"\u00e9\""]"#;
    let record = String::from_utf8(read(&path, ENDPOINTS, &id).unwrap()).unwrap();
    write(&path, ENDPOINTS, &id, Some(format!("{{{later},{}", &record[1..]).as_bytes()));

    let echo = start(&path);
    assert_eq!(echo.patch(&id, &changes(json!({"path": "/y", "response": {"body": null}}))).status, 200);
    assert_eq!((echo.call("GET", "/x").status, echo.call("GET", "/y").text()), (404, String::new()));
    let other = echo.create("GET", "/x", json!({"code": 200}));
    end(echo);
    let record = String::from_utf8(read(&path, ENDPOINTS, &id).unwrap()).unwrap();
    assert!(later.split(",\"").all(|part| record.contains(part.trim_start_matches('"'))), "{record}");
    let names = |id| {
        let record: Value = serde_json::from_slice(&read(&path, ENDPOINTS, id).unwrap()).unwrap();
        record.as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    let known = ["version", "verb", "path", "code", "headers", "body"];
    assert_eq!(names(&id), [&known[..], &["pause", "tags", "weight"]].concat());
    assert_eq!(names(&other), known);
}

#[tokio::test]
async fn a_file_of_format_1_is_raised_when_several_changes_are_first_made_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("echo.redb");
    let at = |path: &str| Write::Create(endpoint(Verb::Get, path, &response(1)));
    drop(EmbeddedStore::open(&path).unwrap());
    mark(&path, "format", 1);
    write(&path, META, "written", None);
    let store = EmbeddedStore::open(&path).unwrap();
    store.write(at("/1")).await.unwrap();
    let refusal = store.write_all(vec![at("/2"), at("/1")]).await;
    assert!(matches!(refusal, Err(WriteError::Taken { .. })), "{refusal:?}");
    drop(store);
    assert_eq!(marks(&path), [Some(1), None], "what is refused does not raise it");
    let store = EmbeddedStore::open(&path).unwrap();
    assert_eq!(store.write_all(vec![at("/2"), at("/3")]).await.unwrap().version, Version(2));
    drop(store);
    assert_eq!(marks(&path), [Some(2), Some(2)]);
    let store = EmbeddedStore::open(&path).unwrap();
    let Changes::Log { changes, .. } = store.changes_since(Version(1)).await.unwrap() else { panic!("a gap") };
    assert_eq!(changes.iter().map(|change| change.version).collect::<Vec<_>>(), [Version(2); 2]);
}

#[test]
fn a_file_is_raised_when_a_mock_first_needs_a_newer_format() {
    for (attributes, format) in [
        (json!({"path": "/{x}"}), 3),
        (json!({"verb": "ANY"}), 3),
        (json!({"priority": 1}), 3),
        (json!({"when": {"body": "x"}}), 3),
        (json!({"when": {"body": {"jsonpath": "$.a"}}}), 4),
        (json!({"response": {"code": 200, "headers": {"A": ["1", "2"]}}}), 4),
        (json!({"response": {"code": 200, "base64": "AA=="}}), 4),
        (json!({"response": {"code": 200, "delay": "1ms"}}), 4),
        (json!({"responses": [{"code": 200}, {"code": 201, "times": 2}], "then": "repeat"}), 4),
        (json!({"set": "shop"}), 5),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("echo.redb");
        drop(EmbeddedStore::open(&path).unwrap());
        mark(&path, "format", 2);
        write(&path, META, "written", None);
        let echo = start(&path);
        let id = echo.create("GET", "/x", json!({"code": 200}));
        end(echo);
        assert_eq!(marks(&path), [Some(2), None]);
        let echo = start(&path);
        assert_eq!(echo.patch(&id, &changes(attributes.clone())).status, 200);
        end(echo);
        assert_eq!(marks(&path), [Some(format), Some(format)]);
        let shown = start(&path).get(&format!("/endpoints/{id}")).json();
        for (name, value) in attributes.as_object().unwrap() {
            assert_eq!(&shown["data"]["attributes"][name], value);
        }
    }
}

/// A file by the version before format 2 (1cdb0ba): three mocks, then a change of a mock and a deletion.
#[test]
fn a_file_of_format_1_serves_the_mocks_of_the_version_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("echo.redb");
    let mut file = Vec::new();
    GzDecoder::new(&include_bytes!("../../../../tests/formats/format_1.redb.gz")[..]).read_to_end(&mut file).unwrap();
    fs::write(&path, file).unwrap();
    assert_eq!(marks(&path), [Some(1), None]);

    let echo = start(&path);
    serves_and_changes_format_1(&echo);
    echo.create("GET", "/deleted", json!({"code": 204}));
    end(echo);
    // The previous version can open the file again.
    assert_eq!(marks(&path), [Some(1), None]);
    let echo = start(&path);
    let told = ["/kept", "/deleted"].map(|path| echo.call("GET", path).status);
    assert_eq!((told, echo.call("GET", "/kept").text()), ([200, 204], "changed".into()));
}
