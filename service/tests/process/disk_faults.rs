//! Damaged files and full disks: a clear message, and no harm.

use std::{
    collections::BTreeMap,
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use echo_service::store::NEWEST_FORMAT;
use redb::{Database, TableDefinition};
use serde_json::json;

use crate::{
    small_disk::SmallDisk,
    support::{Answer, Echo, PATIENCE, new_endpoint},
};

fn in_file(path: &Path) -> String {
    format!("file:{}", path.display())
}

/// Starts on a file that must be refused, and returns the message.
fn refusal(path: &Path) -> String {
    match Echo::try_start(&["--store", &in_file(path)], &[]) {
        Ok(_) => panic!("{} was opened", path.display()),
        Err((status, message)) => {
            assert_eq!(status.code(), Some(1), "{message}");
            let says_which = message.starts_with(&format!("echo-service: --store: {} ", path.display()));
            assert!(says_which && message.contains("file with --store"), "{message}");
            message
        }
    }
}

/// Like [`refusal`], for a file that must stay unchanged.
fn refusal_of(path: &Path, content: &[u8]) -> String {
    fs::write(path, content).unwrap();
    let message = refusal(path);
    assert!(fs::read(path).unwrap() == content, "{} was left as it is", path.display());
    message
}

/// A file with one mock, closed properly.
fn make_store(path: &Path) -> Vec<u8> {
    let mut echo = Echo::start(&["--store", &in_file(path)]);
    for n in 0..20 {
        echo.create("GET", &format!("/{n}"), json!({"code": 200, "body": format!("{n} {}", "x".repeat(500))}));
    }
    echo.signal("TERM");
    assert!(echo.wait().success());
    fs::read(path).unwrap()
}

#[test]
fn a_second_process_on_one_file_is_refused_and_the_first_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("echo.redb");
    let mut first = Echo::start(&["--store", &in_file(&path)]);
    first.create("GET", "/before", json!({"code": 200}));
    assert!(refusal(&path).contains("is in use by another process: stop that one"));
    first.create("GET", "/after", json!({"code": 200}));
    first.signal("KILL");
    first.wait();
    let next = Echo::start(&["--store", &in_file(&path)]);
    assert_eq!(["/before", "/after"].map(|path| next.call("GET", path).status), [200, 200]);
}

#[test]
fn a_file_that_is_not_a_store_is_refused_and_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    let long = "A letter to somebody.\n".repeat(100_000);
    for content in ["x", "Dear Sir", &long, &"\0".repeat(5_000)] {
        assert!(refusal_of(&path, content.as_bytes()).contains("is not an Echo store: move it away"));
    }
}

#[test]
fn a_database_of_another_program_is_refused_and_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("theirs.redb");
    let database = Database::create(&path).unwrap();
    let txn = database.begin_write().unwrap();
    txn.open_table(TableDefinition::<u64, u64>::new("meta")).unwrap().insert(1, 2).unwrap();
    txn.commit().unwrap();
    drop(database);
    let content = fs::read(&path).unwrap();
    assert!(refusal_of(&path, &content).contains("is not an Echo store: move it away"));
}

#[test]
fn a_newer_format_is_refused_and_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("echo.redb");
    make_store(&path);
    let database = Database::open(&path).unwrap();
    let txn = database.begin_write().unwrap();
    {
        let mut meta = txn.open_table(TableDefinition::<&[u8], &[u8]>::new("meta")).unwrap();
        meta.insert(b"format".as_slice(), (NEWEST_FORMAT + 1).to_be_bytes().as_slice()).unwrap();
    }
    txn.commit().unwrap();
    drop(database);
    let content = fs::read(&path).unwrap();
    let (newer, newest) = (NEWEST_FORMAT + 1, NEWEST_FORMAT);
    let expected = format!("was written by a newer Echo (format {newer}; this one knows up to {newest})");
    assert!(refusal_of(&path, &content).contains(&expected));
}

/// Permissions do not bind the superuser, so this test uses paths that cannot be files.
#[test]
fn a_path_that_cannot_be_opened_is_reported_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    assert!(refusal(folder.path()).contains("cannot be opened: Is a directory"));
    let dangling = folder.path().join("link.redb");
    symlink(folder.path().join("missing/echo.redb"), &dangling).unwrap();
    assert!(refusal(&dangling).contains("cannot be opened: No such file or directory"));
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["link.redb"], "nothing is left behind");
}

/// `/sys` accepts no file, not even from the superuser.
#[test]
fn an_unwritable_folder_is_named_with_the_setting() {
    let missing = tempfile::tempdir().unwrap().path().join("missing");
    for (store, folder, reason) in [
        (in_file(&missing.join("echo.redb")), missing.to_str().unwrap(), "the folder does not exist"),
        ("file:/sys/echo.redb".into(), "/sys", "permission denied"),
        ("file:echo.redb".into(), "/sys", "permission denied"),
    ] {
        let mut command = Echo::command();
        let command = command.current_dir("/sys").args(["--port", "0", "--store", &store]);
        let Err((status, message)) = Echo::spawn(command) else { panic!("it has started") };
        assert_eq!(status.code(), Some(1));
        let path = &store["file:".len()..];
        let expected = format!("echo-service: --store: {path} cannot be made in the folder {folder}: {reason}. ");
        assert!(message.starts_with(&expected) && message.lines().count() == 1, "{message}");
        for part in ["--store file:PATH (ECHO_STORE)", "a mounted one", "--store memory"] {
            assert!(message.contains(part), "{part}: {message}");
        }
        assert!(!message.contains(".new"), "the draft is nobody's concern: {message}");
    }
}

#[test]
fn a_new_file_is_readable_by_its_owner_only_and_an_old_file_keeps_its_mode() {
    let folder = tempfile::tempdir().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for umask in ["0000", "0022", "0277"] {
        let path = folder.path().join(umask);
        let service = Echo::command();
        let mut command = Command::new("sh");
        command.args(["-c", &format!("umask {umask} && exec \"$@\""), "sh"]).arg(service.get_program());
        command.args(["--port", "0", "--store", &in_file(&path), "--log-format", "json"]);
        drop(Echo::spawn(&mut command).unwrap());
        assert_eq!(mode(&path), 0o600, "umask {umask}");
    }
    for (name, old) in [("empty", 0o644), ("0022", 0o664)] {
        let path = folder.path().join(name);
        fs::OpenOptions::new().append(true).create(true).open(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(old)).unwrap();
        drop(Echo::start(&["--store", &in_file(&path)]));
        assert_eq!(mode(&path), old, "{name}");
    }
}

#[test]
fn a_truncated_file_is_refused_and_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("echo.redb");
    let content = make_store(&path);
    for length in [9, 100, 4_096, content.len() / 2, content.len() - 1] {
        let message = refusal_of(&path, &content[..length]);
        assert!(message.contains("is damaged: ") && message.contains("Restore it from a copy"), "{length}: {message}");
    }
}

#[test]
fn a_damaged_file_is_refused_unchanged_or_serves_all_mocks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("echo.redb");
    let content = make_store(&path);
    let pages_in_use = (0..content.len()).step_by(4096).filter(|&page| content[page..page + 4096] != [0; 4096]);
    let mut refused = 0;
    for (n, page) in pages_in_use.enumerate() {
        let mut damaged = content.clone();
        damaged[page + [13, 70, 200, 2_000, 4_000][n % 5]] ^= 0x55;
        fs::write(&path, &damaged).unwrap();
        match Echo::try_start(&["--store", &in_file(&path)], &[]) {
            Ok(echo) => {
                // The damaged page was no longer in use.
                for n in 0..20 {
                    assert_eq!(echo.call("GET", &format!("/{n}")).text(), format!("{n} {}", "x".repeat(500)));
                }
            }
            Err((status, message)) => {
                assert_eq!(status.code(), Some(1), "page {page}: {message}");
                assert!(message.contains("is damaged: "), "page {page}: {message}");
                assert!(fs::read(&path).unwrap() == damaged, "page {page}: the file was left as it is");
                refused += 1;
            }
        }
    }
    assert!(refused > 3, "{refused}");
}

fn create(echo: &Echo, path: &str) -> Answer {
    let body = path.repeat(20_000);
    echo.post(&new_endpoint("GET", path, json!({"code": 200, "body": body})))
}

fn assert_all_served(echo: &Echo, acknowledged: &BTreeMap<String, String>) {
    for path in acknowledged.keys() {
        assert!(echo.call("GET", path).text() == path.repeat(20_000), "{path} is served");
    }
}

#[test]
fn a_full_disk_refuses_writes_until_there_is_space_and_loses_nothing() {
    let disk = SmallDisk::new("8m");
    disk.fill(4_000_000);
    let start = || {
        let store = in_file(&disk.path("echo.redb"));
        let arguments = ["--listen", "127.0.0.1:0", "--store", &store, "--rate-limit", "0", "--log-format", "json"];
        Echo::spawn(disk.command().args(arguments)).unwrap()
    };
    let mut echo = start();
    let mut acknowledged = BTreeMap::new();
    let refused = (0..500).map(|n| format!("/{n:04}")).find(|path| {
        let answer = create(&echo, path);
        match answer.status {
            201 => acknowledged.insert(path.clone(), answer.json()["data"]["id"].to_string()),
            503 => {
                assert!(answer.header("retry-after").is_some() && answer.details().contains("try again"), "{answer:?}");
                return true;
            }
            _ => panic!("{answer:?}"),
        };
        false
    });
    let refused = refused.expect("the disk is full at some time");
    assert!(acknowledged.len() > 3, "some writes had space");
    assert_all_served(&echo, &acknowledged);
    for n in 0..5 {
        let again = create(&echo, &format!("/full/{n}"));
        assert_eq!((again.status, again.header("content-type")), (503, Some("application/vnd.api+json")));
    }
    assert_all_served(&echo, &acknowledged);
    assert_eq!((echo.get("/-/live").status, echo.get("/-/ready").status), (200, 200));

    disk.free();
    // The refused write was in doubt. From here on its result is known.
    let deadline = Instant::now() + PATIENCE;
    let answer = loop {
        let answer = create(&echo, &refused);
        if answer.status != 503 {
            break answer;
        }
        assert!(Instant::now() < deadline, "writes work again, but {answer:?}");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!([201, 409].contains(&answer.status), "{answer:?}");
    acknowledged.insert(refused, String::new());
    assert_eq!(create(&echo, "/with-space").status, 201);
    acknowledged.insert("/with-space".into(), String::new());
    assert_all_served(&echo, &acknowledged);

    echo.signal("KILL");
    echo.wait();
    let echo = start();
    assert_all_served(&echo, &acknowledged);
    let listed = echo.get("/endpoints?page[size]=1000").json();
    let is_known = |endpoint: &serde_json::Value| {
        let path = endpoint["attributes"]["path"].as_str().unwrap();
        acknowledged.contains_key(path) || path.starts_with("/full/")
    };
    assert!(listed["data"].as_array().unwrap().iter().all(is_known), "nobody asked for others");
}

#[test]
fn a_full_disk_at_the_first_start_is_reported() {
    let disk = SmallDisk::new("1m");
    disk.fill(1_044_480);
    let path = disk.path("echo.redb");
    let arguments = ["--listen", "127.0.0.1:0", "--store", &in_file(&path)];
    let Err((status, message)) = Echo::spawn(disk.command().args(arguments)) else { panic!("it has started") };
    assert_eq!(status.code(), Some(1));
    assert!(message.contains("cannot be opened: No space left on device"), "{message}");
}

#[test]
fn an_empty_file_from_a_container_engine_is_a_new_store() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let store = format!("file:{}", file.path().display());
    let echo = Echo::start(&["--store", &store]);
    echo.create("GET", "/x", serde_json::json!({"code": 200}));
    drop(echo);
    assert_eq!(Echo::start(&["--store", &store]).call("GET", "/x").status, 200);
}
