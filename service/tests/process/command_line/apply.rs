//! `echo-service apply`: mock files become a set.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Output, Stdio},
    thread,
};

use serde_json::{Value, json};

use super::{assert_fails, command, http, mock, put, run, told};
use crate::support::Echo;

fn apply(at: SocketAddr, path: &Path, arguments: &[&str]) -> Output {
    run(at, &[&["apply", path.to_str().unwrap()], arguments].concat())
}

/// The numbers of a dry run with exit code 2, or 0 without a difference.
#[track_caller]
fn assert_dry(at: SocketAddr, path: &Path, code: i32, output: &str) {
    let dry = apply(at, path, &["--dry-run"]);
    assert_eq!(String::from_utf8(dry.stdout.clone()).unwrap(), output, "{dry:?}");
    assert_eq!(dry.status.code(), Some(code), "{dry:?}");
}

#[test]
fn the_difference_is_shown_first_and_a_dry_run_shows_it_only() {
    let (echo, folder) = (Echo::start(&[]), tempfile::tempdir().unwrap());
    let (at, shop) = (echo.management, folder.path().join("shop"));
    fs::create_dir(&shop).unwrap();
    let mocks = |paths: &str, code: u16| {
        let mock = |path| format!("- {{verb: GET, path: {path}, response: {{code: {code}}}}}\n");
        paths.split(' ').map(mock).collect::<String>()
    };
    fs::write(shop.join("a.yaml"), mocks("/a /b /c /d /e", 200)).unwrap();
    let created =
        "shop: 5 to create, 0 to change, 0 to delete, 0 unchanged\n  + GET /a\n  + GET /b\n  + GET /c\n  + 2 more\n";
    assert_dry(at, &shop, 2, created);
    assert_eq!(told(at, &["get"]).lines().count(), 1);
    assert_eq!(told(at, &["apply", shop.to_str().unwrap()]), format!("{created}shop: applied\n"));
    assert_eq!(echo.call("GET", "/e").status, 200);
    let unchanged = "shop: 0 to create, 0 to change, 0 to delete, 5 unchanged\n";
    assert_dry(at, &shop, 0, unchanged);
    assert_eq!(told(at, &["apply", shop.to_str().unwrap()]), unchanged);

    put(&echo, "other", &[mock("GET", "/other", 200)].into_iter().collect());
    fs::write(shop.join("a.yaml"), mocks("/a /b /c", 200) + &mocks("/d", 201)).unwrap();
    fs::write(shop.join("b.json"), r#"{"verb": "ANY", "path": "/f", "response": {"code": 200}}"#).unwrap();
    let changed = "shop: 1 to create, 1 to change, 1 to delete, 3 unchanged\n  + ANY /f\n  ~ GET /d\n  - GET /e\n";
    assert_dry(at, &shop, 2, changed);
    assert_eq!(told(at, &["apply", shop.to_str().unwrap()]), format!("{changed}shop: applied\n"));
    let codes = ["/d", "/e", "/f", "/other"].map(|path| echo.call("GET", path).status);
    assert_eq!(codes, [201, 404, 200, 200]);
}

#[test]
fn mistakes_have_their_places_in_the_files_and_nothing_changes() {
    let (echo, folder) = (Echo::start(&[]), tempfile::tempdir().unwrap());
    let (at, shop) = (echo.management, folder.path().join("shop"));
    let file = |name: &str, text: &str| fs::write(shop.join(name), text).unwrap();
    let place = |name: &str, rest: &str| format!("{}:{rest}", shop.join(name).display());
    fs::create_dir(&shop).unwrap();
    put(&echo, "other", &[mock("GET", "/taken", 200)].into_iter().collect());
    file(
        "a.yaml",
        "- verb: GET\n  path: /a\n  response: {code: 200}\n- verb: GET\n  path: b\n  response: {code: 99}\n",
    );
    file("b.json", "{\"verb\": \"FETCH\", \"path\": \"/c\",\n \"response\": {\"code\": 200}}");
    let expected = [
        place("a.yaml", "5:3: /1/path: "),
        place("a.yaml", "6:14: /1/response/code: "),
        place("b.json", "1:2: /verb: "),
    ];
    assert_fails(&apply(at, &shop, &[]), 1, &expected.each_ref().map(|place| &**place));
    file("a.yaml", "verb: GET\npath: /taken\nresponse: {code: 200}\n");
    fs::remove_file(shop.join("b.json")).unwrap();
    assert_fails(&apply(at, &shop, &[]), 1, &[&place("a.yaml", "1:1: ")]);
    file("a.yaml", "verb: 0200\n");
    assert_fails(&apply(at, &shop, &["--dry-run"]), 1, &[&place("a.yaml", "1:7: /verb: ")]);
    file("a.yaml", "[]");
    assert_fails(&apply(at, &shop, &[]), 1, &[&place("a.yaml", "1:1: The file has no mock")]);
    assert_fails(&apply(at, &folder.path().join("missing"), &[]), 1, &["missing", "No such file"]);
    assert_eq!(told(at, &["get"]).lines().count(), 2);
}

/// Files with mocks, with numbers as paths.
fn numbers(folder: &Path, count: usize, code: u16) -> std::path::PathBuf {
    let path = folder.join("many.yaml");
    let mock = |number| format!("- {{verb: GET, path: /{number}, response: {{code: {code}}}}}\n");
    fs::write(&path, (0..count).map(mock).collect::<String>()).unwrap();
    path
}

#[test]
fn an_interrupted_run_is_completed_by_the_next_one() {
    let (folder, count) = (tempfile::tempdir().unwrap(), 3_000);
    let store = format!("file:{}", folder.path().join("echo.redb").display());
    let echo = Echo::start(&["--store", &store]);
    let at = echo.management;
    let file = numbers(folder.path(), count, 200);
    assert!(apply(at, &file, &[]).status.success());
    numbers(folder.path(), count, 201);
    let mut child = command(at, &["apply", file.to_str().unwrap()]).stdout(Stdio::piped()).spawn().unwrap();
    // The difference comes before the write.
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "many: 0 to create, 3000 to change, 0 to delete, 0 unchanged\n");
    while echo.call("GET", "/0").status == 200 {}
    child.kill().unwrap();
    child.wait().unwrap();
    let served = |path: usize| echo.call("GET", &format!("/{path}")).status;
    assert!((0..count).all(|path| matches!(served(path), 200 | 201)));
    let output = apply(at, &file, &[]);
    assert!(output.status.success(), "{output:?}");
    assert!((0..count).all(|path| served(path) == 201));
    assert_dry(at, &file, 0, "many: 0 to create, 0 to change, 0 to delete, 3000 unchanged\n");
}

/// A server between a command and Echo. It answers the first `refused` writes with 503, after it has made a part of
/// them: `part` mocks more each time.
fn lossy(echo: SocketAddr, refused: usize, part: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let ask = move |query: &str, list: &[Value]| {
        let (mut stream, list) = (TcpStream::connect(echo).unwrap(), json!(list).to_string());
        let target = format!("/-/sets/many?dryRun={query}");
        let length = list.len();
        let head = format!(
            "PUT {target} HTTP/1.1\r\nHost: {echo}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all((head + &list).as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        answer
    };
    thread::spawn(move || {
        let mut writes = 0;
        for mut client in listener.incoming().map_while(Result::ok) {
            let mut request = Vec::new();
            while !request.ends_with(b"}}]") {
                let mut bytes = [0; 4096];
                let length = client.read(&mut bytes).unwrap();
                request.extend_from_slice(&bytes[..length]);
            }
            let request = String::from_utf8(request).unwrap();
            let list: Vec<Value> = serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
            let is_write = request.contains("dryRun=false");
            writes += usize::from(is_write);
            let answer = match (is_write, writes * part) {
                (true, made) if writes <= refused => {
                    if made > 0 {
                        ask("false", &list[..made]);
                    }
                    http("503 X", r#"{"errors": [{"detail": "The request took too long"}]}"#).into_bytes()
                }
                _ => ask(if is_write { "false" } else { "true" }, &list),
            };
            client.write_all(&answer).unwrap();
        }
    });
    at
}

#[test]
fn a_write_without_an_answer_is_repeated_while_the_rest_becomes_smaller() {
    let (echo, folder) = (Echo::start(&[]), tempfile::tempdir().unwrap());
    let (at, file) = (echo.management, numbers(folder.path(), 100, 200));
    let stuck = apply(lossy(at, 9, 0), &file, &[]);
    let told = String::from_utf8(stuck.stderr).unwrap();
    assert!(
        stuck.status.code() == Some(1) && told.contains("503: The request took too long\nrun the command again"),
        "{told}"
    );
    let output = apply(lossy(at, 2, 40), &file, &[]);
    assert!(output.status.success() && output.stdout.ends_with(b"many: applied\n"), "{output:?}");
    assert_dry(at, &file, 0, "many: 0 to create, 0 to change, 0 to delete, 100 unchanged\n");
    // The whole set is written, and the answer is lost.
    numbers(folder.path(), 50, 201);
    assert!(apply(lossy(at, 1, 50), &file, &[]).status.success());
}

#[test]
fn a_key_that_only_writes_sees_numbers() {
    let output = Echo::command().args(["key", "new", "--scope", "write"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let words: Vec<_> = text.lines().map(|line| line.rsplit(' ').next().unwrap()).collect();
    let (echo, folder) = (Echo::start(&["--keys", words[1]]), tempfile::tempdir().unwrap());
    let file = numbers(folder.path(), 2, 200);
    assert_fails(&apply(echo.management, &file, &[]), 1, &["401: ", "ECHO_TOKEN"]);
    let mut command = command(echo.management, &["apply", file.to_str().unwrap()]);
    let output = command.env("ECHO_TOKEN", words[0]).output().unwrap();
    assert_eq!(
        output.stdout, b"many: 2 to create, 0 to change, 0 to delete, 0 unchanged\nmany: applied\n",
        "{output:?}"
    );
}
