//! `--mocks` and `--watch`: mocks from files.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use crate::{
    settings::complaint,
    support::{Echo, PATIENCE},
};

fn mock(path: &str, body: &str) -> String {
    format!("- verb: GET\n  path: {path}\n  response:\n    code: 200\n    body: \"{body}\"\n")
}

/// Waits until a call has this body.
#[track_caller]
fn until(echo: &Echo, path: &str, body: &str) {
    let started = Instant::now();
    while echo.call("GET", path).text() != body {
        assert!(started.elapsed() < PATIENCE, "{path} never answers {body}: {}", echo.call("GET", path).text());
        thread::sleep(Duration::from_millis(10));
    }
}

/// Replaces a file as editors do: a new file takes its name.
fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::rename(new, path).unwrap();
}

#[test]
fn each_path_is_a_set_that_follows_its_files_at_each_start() {
    let folder = tempfile::tempdir().unwrap();
    let (shop, one) = (folder.path().join("shop"), folder.path().join("one.json"));
    fs::create_dir_all(shop.join("bodies")).unwrap();
    fs::write(shop.join("a.yaml"), mock("/a", "a") + &mock("/b", "b")).unwrap();
    fs::write(shop.join("c.yaml"), "verb: GET\npath: /c\nresponse: {code: 200, bodyFile: bodies/c.html}").unwrap();
    fs::write(shop.join("bodies/c.html"), "<p>").unwrap();
    fs::write(&one, r#"{"verb": "GET", "path": "/one", "response": {"code": 200, "json": {"one": 1}}}"#).unwrap();
    let store = format!("file:{}", folder.path().join("echo.redb").display());
    let arguments = ["--store", &store, "--mocks", shop.to_str().unwrap(), "--mocks", one.to_str().unwrap()];
    {
        let echo = Echo::start(&arguments);
        for (path, body) in [("/a", "a"), ("/b", "b"), ("/c", "<p>"), ("/one", "{\"one\":1}")] {
            assert_eq!(echo.call("GET", path).text(), body);
        }
        let sets = echo.get("/-/sets").json();
        assert_eq!(sets["meta"]["sets"].to_string(), r#"[{"name":"one","mocks":1},{"name":"shop","mocks":3}]"#);
    }
    fs::write(shop.join("a.yaml"), mock("/a", "new")).unwrap();
    let variable = format!("{},{}", shop.display(), one.display());
    let echo = Echo::start_with(&arguments[..2], &[("ECHO_MOCKS", &variable)]);
    assert_eq!((echo.call("GET", "/a").text(), echo.call("GET", "/b").status), ("new".to_owned(), 404));
    let told = |line: &&serde_json::Value| line["message"] == "mock files are served" && line["set"] == "shop";
    let told = echo.early.iter().find(told).unwrap();
    assert_eq!([&told["created"], &told["changed"], &told["deleted"], &told["unchanged"]], [0, 1, 1, 1]);
}

#[test]
fn a_wrong_file_ends_the_start_with_all_its_mistakes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.yaml");
    let file = path.to_str().unwrap();
    let wrong =
        "- verb: GET\n  path: /-/x\n  response:\n    code: 99\n- verb: FETCH\n  path: /y\n  response: {code: 200}\n";
    for (text, expected) in [
        (wrong, &["2:3: /0/path: `/-/x` is reserved", "4:5: /0/response/code: 99 is not", "5:3: /1/verb: "][..]),
        ("- path: 0200", &["1:9: /0/path: `0200` is another number"]),
        ("[]", &["1:1: The file has no mock"]),
        (&(mock("/a", "1") + &mock("/a", "2")), &["6:3: /1: "]),
    ] {
        fs::write(&path, text).unwrap();
        let (status, errors) = Echo::try_start(&["--mocks", file], &[]).err().unwrap();
        assert_eq!(status.code(), Some(1), "{errors}");
        for line in expected {
            assert!(errors.contains(&format!("\n{file}:{line}")), "{line}: {errors}");
        }
    }
    fs::write(&path, mock("/a", "1")).unwrap();
    let (_, errors) = Echo::try_start(&["--mocks", file, "--mocks", file], &[]).err().unwrap();
    assert!(errors.contains("Two paths make the set `shop`"), "{errors}");
}

#[test]
fn files_do_not_work_with_a_shared_table_and_a_watch_needs_files() {
    let message = complaint(&["--store", "dynamodb:mocks", "--mocks", "x.yaml"], &[("AWS_REGION", "eu-west-1")]);
    assert!(
        message.contains("--mocks (ECHO_MOCKS) does not work with a shared table")
            && message.contains("`echo-service apply PATH --url URL`"),
        "{message}"
    );
    assert!(complaint(&["--watch"], &[]).contains("--watch (ECHO_WATCH) has no files to watch: add --mocks"));
}

#[test]
fn a_watched_file_is_followed_and_a_wrong_change_keeps_the_last_good_set() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.yaml");
    fs::write(&path, mock("/a", "1")).unwrap();
    let echo = Echo::start(&["--mocks", path.to_str().unwrap(), "--watch"]);
    fs::write(&path, mock("/a", "2")).unwrap();
    until(&echo, "/a", "2");
    replace(&path, &mock("/a", "3"));
    until(&echo, "/a", "3");
    replace(&path, "- verb: GET\n  path: a\n");
    let line = echo.log_line(|line| line["problem"].as_str().is_some_and(|problem| problem.contains("/0/path")));
    assert_eq!(
        (&line["level"], &line["message"]),
        (&"ERROR".into(), &"mock files are not served; their last good set stays".into())
    );
    assert!(line["problem"].as_str().unwrap().starts_with(&format!("{}:2:3: /0/path: ", path.display())), "{line}");
    assert_eq!(echo.call("GET", "/a").text(), "3");
    fs::remove_file(&path).unwrap();
    echo.log_line(|line| line["problem"].as_str().is_some_and(|problem| problem.contains("cannot be read")));
    assert_eq!(echo.call("GET", "/a").text(), "3");
    fs::write(&path, "- verb: GET\n  path: /a\n  response: {code: 200, bodyFile: a.txt}\n").unwrap();
    fs::write(folder.path().join("a.txt"), "4").unwrap();
    until(&echo, "/a", "4");
    replace(&folder.path().join("a.txt"), "5");
    until(&echo, "/a", "5");
}

#[test]
fn a_watched_folder_is_followed_also_a_new_one_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let shop = folder.path().join("shop");
    fs::create_dir(&shop).unwrap();
    fs::write(shop.join("a.yaml"), mock("/a", "1")).unwrap();
    let echo = Echo::start(&["--mocks", shop.to_str().unwrap(), "--watch"]);
    fs::write(shop.join("b.yaml"), mock("/b", "1")).unwrap();
    until(&echo, "/b", "1");
    fs::remove_file(shop.join("b.yaml")).unwrap();
    until(&echo, "/b", &echo.call("GET", "/b-that-never-was").text().replace("-that-never-was", ""));
    fs::rename(&shop, folder.path().join("old")).unwrap();
    fs::create_dir(&shop).unwrap();
    fs::write(shop.join("a.yaml"), mock("/a", "2")).unwrap();
    until(&echo, "/a", "2");
    fs::write(shop.join("a.yaml"), mock("/a", "3")).unwrap();
    until(&echo, "/a", "3");
}

#[test]
fn the_swapped_link_of_a_config_map_is_followed() {
    for name in ["shop", "shop/mocks.yaml"] {
        let folder = tempfile::tempdir().unwrap();
        let shop = folder.path().join("shop");
        for version in ["1", "2"] {
            fs::create_dir_all(shop.join(format!("..v{version}"))).unwrap();
            fs::write(shop.join(format!("..v{version}/mocks.yaml")), mock("/a", version)).unwrap();
        }
        symlink("..v1", shop.join("..data")).unwrap();
        symlink("..data/mocks.yaml", shop.join("mocks.yaml")).unwrap();
        let echo = Echo::start(&["--mocks", folder.path().join(name).to_str().unwrap(), "--watch"]);
        assert_eq!(echo.call("GET", "/a").text(), "1");
        symlink("..v2", shop.join("..data_tmp")).unwrap();
        fs::rename(shop.join("..data_tmp"), shop.join("..data")).unwrap();
        until(&echo, "/a", "2");
    }
}

/// Two sets, `a` and `b`, whose only mock can move.
fn two_sets(folder: &Path) -> [PathBuf; 2] {
    let sets = ["a", "b"].map(|name| folder.join("sets").join(name));
    for set in &sets {
        fs::create_dir_all(set).unwrap();
        fs::write(set.join("own.yaml"), mock(&format!("/{}", set.file_name().unwrap().display()), "1")).unwrap();
    }
    fs::write(sets[1].join("moves.yaml"), mock("/moves", "1")).unwrap();
    sets
}

#[test]
fn a_mock_moves_between_sets() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = two_sets(folder.path());
    let store = format!("file:{}", folder.path().join("echo.redb").display());
    let arguments = ["--store", &store, "--mocks", a.to_str().unwrap(), "--mocks", b.to_str().unwrap(), "--watch"];
    {
        let echo = Echo::start(&arguments);
        fs::rename(b.join("moves.yaml"), a.join("moves.yaml")).unwrap();
        fs::write(a.join("own.yaml"), mock("/a", "2")).unwrap();
        until(&echo, "/a", "2");
        until(&echo, "/moves", "1");
    }
    fs::rename(a.join("moves.yaml"), b.join("moves.yaml")).unwrap();
    drop(Echo::start(&arguments));
    fs::rename(b.join("moves.yaml"), a.join("moves.yaml")).unwrap();
    let echo = Echo::start(&arguments);
    assert_eq!(echo.call("GET", "/moves").text(), "1");
}

#[test]
fn a_body_in_a_folder_beside_a_watched_file_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let (file, bodies) = (folder.path().join("shop.yaml"), folder.path().join("bodies"));
    fs::create_dir(&bodies).unwrap();
    fs::write(bodies.join("a.txt"), "1").unwrap();
    fs::write(&file, "verb: GET\npath: /a\nresponse: {code: 200, bodyFile: ./bodies/a.txt}").unwrap();
    let echo = Echo::start(&["--mocks", file.to_str().unwrap(), "--watch"]);
    until(&echo, "/a", "1");
    fs::write(bodies.join("a.txt"), "2").unwrap();
    until(&echo, "/a", "2");
}

#[test]
fn a_watch_outlives_the_folder_above() {
    let folder = tempfile::tempdir().unwrap();
    let above = folder.path().join("above");
    let shop = above.join("shop");
    fs::create_dir_all(&shop).unwrap();
    fs::write(shop.join("a.yaml"), mock("/a", "1")).unwrap();
    let echo = Echo::start(&["--mocks", shop.to_str().unwrap(), "--watch"]);
    fs::remove_dir_all(&above).unwrap();
    echo.log_line(|line| line["problem"].as_str().is_some_and(|problem| problem.contains("cannot be read")));
    for body in ["2", "3"] {
        fs::create_dir_all(&shop).unwrap();
        fs::write(shop.join("a.yaml"), mock("/a", body)).unwrap();
        until(&echo, "/a", body);
    }
}
