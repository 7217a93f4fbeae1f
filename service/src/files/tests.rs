use std::{fs, os::unix::fs::symlink, process::Command};

use serde_json::json;
use tempfile::TempDir;

use super::*;

/// A folder with these files.
fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join("shop").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

fn load(folder: &TempDir, name: &str) -> Result<MockFiles, String> {
    let prefix = format!("{}/", folder.path().display());
    MockFiles::load(&folder.path().join(name)).map_err(|problems| problems.to_string().replace(&prefix, ""))
}

fn list(files: &MockFiles) -> Value {
    serde_json::from_slice(&files.list()).unwrap()
}

#[track_caller]
fn assert_problem(folder: &TempDir, name: &str, message: &str) {
    let problem = load(folder, name).unwrap_err();
    assert!(problem.starts_with(message), "{problem}");
}

#[test]
fn a_file_is_a_mock_or_a_list_and_a_folder_is_all_its_files() {
    let folder = folder(&[
        ("b.yaml", b"- path: /2\n- path: /3\n"),
        ("a.json", b"{\"path\": \"/1\"}"),
        ("c.yml", b"path: /4"),
        (".hidden.yaml", b"path: /5"),
        ("notes.txt", b"path: /6"),
        ("deeper/d.yaml", b"path: /7"),
    ]);
    let files = load(&folder, "shop").unwrap();
    assert_eq!(files.set.as_str(), "shop");
    assert_eq!(list(&files), json!([{"path": "/1"}, {"path": "/2"}, {"path": "/3"}, {"path": "/4"}]));
    let prefix = format!("{}/", folder.path().display());
    for (pointer, place) in [
        ("/0/path", "shop/a.json:1:2: /path: x"),
        ("/2/path", "shop/b.yaml:2:3: /1/path: x"),
        ("/2", "shop/b.yaml:2:3: /1: x"),
        ("/3/verb", "shop/c.yml:1:1: /verb: x"),
        ("", "shop: x"),
        ("/9", "shop: x"),
    ] {
        assert_eq!(files.problem(pointer, "x").replace(&prefix, ""), place);
    }
    assert_eq!(load(&folder, "shop/b.yaml").unwrap().set.as_str(), "b");
    assert_eq!(load(&folder, "shop/../shop/.").unwrap().set.as_str(), "shop");
}

#[test]
fn all_mistakes_of_all_files_come_at_once() {
    let folder = folder(&[
        ("a.yaml", b"code: 0200\nx: !y 1"),
        ("b.yaml", b"just a text"),
        ("c.json", b"[1,"),
        ("d.yaml", b"\xff"),
    ]);
    let problems = load(&folder, "shop").unwrap_err();
    let expected = [
        "shop/a.yaml:1:7: /code: `0200` is",
        "shop/a.yaml:2:7: /x: Tags",
        "shop/b.yaml:1:1: The file has no mock",
        "shop/c.json:1:1: The text is not YAML",
        "shop/d.yaml: is not UTF-8",
    ];
    let lines = problems.lines().collect::<Vec<_>>();
    assert_eq!(lines.len(), expected.len(), "{problems}");
    assert!(lines.iter().zip(expected).all(|(line, beginning)| line.starts_with(beginning)), "{problems}");
}

#[test]
fn the_content_of_a_body_file_stands_at_its_place() {
    let text = "- response:\n    code: 200\n    bodyFile: bodies/a.json\n    delay: 1s\n- responses:\n  - bodyFile: bodies/b.bin\n";
    let folder = folder(&[("a.yaml", text.as_bytes()), ("bodies/a.json", b"{}\n"), ("bodies/b.bin", b"\xff\x00")]);
    let files = load(&folder, "shop").unwrap();
    let expected =
        json!([{"response": {"code": 200, "body": "{}\n", "delay": "1s"}}, {"responses": [{"base64": "/wA="}]}]);
    assert_eq!(list(&files).to_string(), expected.to_string());
    assert!(files.problem("/0/response/delay", "x").contains("a.yaml:4:5: /0/response/delay"));
}

#[test]
fn a_body_file_is_a_regular_file_beneath_the_folder() {
    let folder = folder(&[("in.txt", b"in"), ("large.txt", &vec![b'x'; MAX_BODY_BYTES + 1]), ("sub/x", b"")]);
    let at = folder.path().join("shop");
    fs::write(folder.path().join("secret"), "secret").unwrap();
    symlink("../secret", at.join("up")).unwrap();
    symlink(folder.path().join("secret"), at.join("absolute")).unwrap();
    symlink("..", at.join("parent")).unwrap();
    symlink("loop", at.join("loop")).unwrap();
    symlink("in.txt", at.join("link.txt")).unwrap();
    assert!(Command::new("mkfifo").arg(at.join("pipe")).status().unwrap().success());
    for (file, why) in [
        ("../secret", "cannot be read"),
        ("up", "cannot be read"),
        ("absolute", "cannot be read"),
        ("parent/secret", "cannot be read"),
        ("/etc/passwd", "cannot be read"),
        ("loop", "cannot be read"),
        ("missing", "cannot be read"),
        ("", "cannot be read"),
        ("a\\0b", "cannot be read"),
        ("sub", "is not a regular file"),
        ("pipe", "is not a regular file"),
        ("large.txt", "is too large: a body has at most 256 KiB"),
    ] {
        fs::write(at.join("a.yaml"), format!("response: {{bodyFile: \"{file}\"}}")).unwrap();
        let problem = load(&folder, "shop").unwrap_err();
        assert!(problem.starts_with("shop/a.yaml:1:12: /response/bodyFile: `") && problem.contains(why), "{problem}");
    }
    fs::write(at.join("a.yaml"), "response: {bodyFile: link.txt}").unwrap();
    assert_eq!(list(&load(&folder, "shop").unwrap()), json!([{"response": {"body": "in"}}]));
    fs::write(at.join("a.yaml"), "response: {bodyFile: in.txt, json: 1}").unwrap();
    assert_problem(&folder, "shop", "shop/a.yaml:1:12: /response/bodyFile: A response has one content");
    fs::write(at.join("a.yaml"), "response: {bodyFile: 1}").unwrap();
    assert_problem(&folder, "shop", "shop/a.yaml:1:12: /response/bodyFile: `bodyFile` is not a text");
}

#[test]
fn the_links_of_a_config_map_are_followed() {
    let folder = folder(&[
        ("..v1/mocks.yaml", b"path: /1"),
        ("..v2/mocks.yaml", b"response: {bodyFile: b.txt}"),
        ("..v2/b.txt", b"2"),
    ]);
    let at = folder.path().join("shop");
    symlink("..v1", at.join("..data")).unwrap();
    symlink("..data/mocks.yaml", at.join("mocks.yaml")).unwrap();
    symlink("..data/b.txt", at.join("b.txt")).unwrap();
    assert_eq!(list(&load(&folder, "shop").unwrap()), json!([{"path": "/1"}]));
    symlink("..v2", at.join("..next")).unwrap();
    fs::rename(at.join("..next"), at.join("..data")).unwrap();
    for path in ["shop", "shop/mocks.yaml"] {
        assert_eq!(list(&load(&folder, path).unwrap()), json!([{"response": {"body": "2"}}]));
    }
}

#[test]
fn what_is_no_set_of_files_is_a_clear_error() {
    let folder = folder(&[("x.txt", b"")]);
    let at = folder.path().join("shop");
    assert_problem(&folder, "missing", "missing: cannot be read");
    assert_problem(&folder, "shop", "shop: has no file that ends in .yaml");
    fs::write(folder.path().join("my mocks.yaml"), "[]").unwrap();
    assert_problem(&folder, "my mocks.yaml", "my mocks.yaml: `my mocks` is not the name of a set");
    let large = fs::File::create(folder.path().join("large.yaml")).unwrap();
    large.set_len(100 << 20).unwrap();
    assert_problem(&folder, "large.yaml", "large.yaml: is too large");
    assert!(Command::new("mkfifo").arg(folder.path().join("pipe.yaml")).status().unwrap().success());
    assert_problem(&folder, "pipe.yaml", "pipe.yaml: is not a regular file");
    fs::write(at.join("\u{1b}[31m.yaml"), "x").unwrap();
    assert_problem(&folder, "shop", "shop/\\u{1b}[31m.yaml:1:1: The file has no mock");
    for n in 0..=MAX_FILES {
        fs::write(at.join(format!("{n}.yaml")), "").unwrap();
    }
    assert_problem(&folder, "shop", "shop: has more than 10000 mock files");
}

/// Files of the kernel have no size before the reading.
#[test]
fn a_file_with_more_bytes_than_its_size_has_changed() {
    let problems = MockFiles::load(Path::new("/proc/self/status")).unwrap_err().to_string();
    assert_eq!(problems, "/proc/self/status: changed while it was read: try again");
}

#[test]
fn a_file_that_changes_during_the_reading_is_an_error_or_whole() {
    let folder = folder(&[("a.yaml", b"[]")]);
    let path = folder.path().join("shop/a.yaml");
    let texts = ["1", "2"].map(|digit| format!("path: \"{}\"", digit.repeat(1 << 20)));
    fs::write(&path, &texts[0]).unwrap();
    let (writer, whole) = (path.clone(), texts.clone());
    let writing = std::thread::spawn(move || (0..100).for_each(|n| fs::write(&writer, &whole[n % 2]).unwrap()));
    while !writing.is_finished() {
        match load(&folder, "shop") {
            Ok(files) => {
                let text = list(&files)[0]["path"].as_str().unwrap().to_owned();
                assert!(text.bytes().all(|byte| byte == text.as_bytes()[0]), "a mixture");
            }
            Err(problem) => assert!(
                ["changed while it was read", "The text is empty", "unclosed quote"]
                    .iter()
                    .any(|why| problem.contains(why)),
                "{}",
                &problem[..200]
            ),
        }
    }
    writing.join().unwrap();
}
