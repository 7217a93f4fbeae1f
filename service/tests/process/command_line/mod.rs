//! The subcommands of a running Echo, from a terminal and from CI.

mod apply;
mod other_servers;

use std::{
    fs::File,
    net::{SocketAddr, TcpListener},
    process::{Command, Output, Stdio},
    time::Instant,
};

use serde_json::{Value, json};

use self::other_servers::{http, other_server};
use crate::support::{Echo, PATIENCE};

/// A command with the address of management.
fn command(at: SocketAddr, arguments: &[&str]) -> Command {
    let mut command = Echo::command();
    command.args(arguments).arg("--url").arg(format!("http://{at}"));
    command
}

fn run(at: SocketAddr, arguments: &[&str]) -> Output {
    command(at, arguments).output().unwrap()
}

/// The output of a command that succeeds.
#[track_caller]
fn told(at: SocketAddr, arguments: &[&str]) -> String {
    let output = run(at, arguments);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Asserts a failure without output, with words of the message.
#[track_caller]
fn assert_fails(output: &Output, code: i32, words: &[&str]) {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    let is_told = words.iter().all(|word| text.contains(word));
    assert!(output.status.code() == Some(code) && is_told && output.stdout.is_empty(), "{output:?}");
}

fn put(echo: &Echo, set: &str, mocks: &Value) {
    let answer = echo.manage("PUT", &format!("/-/sets/{set}"), "Content-Type: application/json\r\n", Some(mocks));
    assert_eq!(answer.status, 200, "{}", answer.text());
}

fn mock(verb: &str, path: &str, code: u16) -> Value {
    json!({"verb": verb, "path": path, "response": {"code": code}})
}

/// The columns of the lines after the first.
fn rows(table: &str) -> Vec<Vec<&str>> {
    table.lines().skip(1).map(|line| line.split_whitespace().collect()).collect()
}

/// A command of each kind.
const ALL: [&[&str]; 8] = [
    &["get"],
    &["get", "01a22e80-afe2-77d2-9351-aaa7fd959968"],
    &["get", "--sets"],
    &["delete", "--all"],
    &["delete", "01a22e80-afe2-77d2-9351-aaa7fd959968"],
    &["export", "shop"],
    &["explain", "GET", "/x"],
    &["store", "raise"],
];

#[test]
fn mocks_are_listed_by_filters_and_shown_by_their_ids() {
    let echo = Echo::start(&[]);
    put(&echo, "shop", &json!([mock("GET", "/a", 200), mock("ANY", "/users/{id}", 201)]));
    put(&echo, "news", &json!([{"verb": "GET", "path": "/a/b", "responses": [{"code": 202}]}]));
    let at = echo.management;
    let all = told(at, &["get"]);
    let all = rows(&all);
    let columns = |row: &Vec<&str>| row[1..].join(" ");
    let expected = ["GET /a shop 200", "ANY /users/{id} shop 201", "GET /a/b news 202"];
    assert_eq!(all.iter().map(columns).collect::<Vec<_>>(), expected);
    for (filters, expected) in [
        (&["--set", "shop"][..], &expected[..2]),
        (&["--path", "/users/{id}"], &expected[1..2]),
        (&["--verb", "GET", "--set", "news"], &expected[2..]),
        (&["--set", "none"], &[]),
    ] {
        let table = told(at, &[&["get"], filters].concat());
        assert_eq!(rows(&table).iter().map(columns).collect::<Vec<_>>(), expected, "{filters:?}");
    }
    let one: Value = serde_json::from_str(&told(at, &["get", all[1][0]])).unwrap();
    assert_eq!(one["id"], all[1][0]);
    assert_eq!(
        (&one["path"], &one["set"], &one["response"]),
        (&json!("/users/{id}"), &json!("shop"), &json!({"code": 201}))
    );
    let list: Value = serde_json::from_str(&told(at, &["get", "--set", "shop", "--output", "json"])).unwrap();
    assert_eq!(list.as_array().unwrap()[1], one);
    assert_eq!(rows(&told(at, &["get", "--sets"])), [["news", "1"], ["shop", "2"]]);
    assert_fails(&run(at, &["get", "no-id"]), 64, &["`echo-service get`"]);
    assert_fails(
        &run(at, &["get", "01a22e80-afe2-77d2-9351-aaa7fd959968"]),
        1,
        &["404: Requested Endpoint with ID", "`echo-service get` lists mocks"],
    );
}

#[test]
fn all_pages_of_a_long_listing_are_shown() {
    let echo = Echo::start(&[]);
    put(&echo, "many", &(0..2_345).map(|number| mock("GET", &format!("/{number}"), 200)).collect());
    let table = told(echo.management, &["get"]);
    let paths = rows(&table).iter().map(|row| row[2].to_owned()).collect::<Vec<_>>();
    assert_eq!(paths, (0..2_345).map(|number| format!("/{number}")).collect::<Vec<_>>());
}

#[test]
fn mocks_are_deleted_by_ids_by_filters_or_all_and_never_by_accident() {
    let echo = Echo::start(&[]);
    let at = echo.management;
    put(&echo, "shop", &json!([mock("GET", "/a", 200), mock("GET", "/b", 200), mock("POST", "/b", 200)]));
    put(&echo, "news", &json!([mock("GET", "/c", 200)]));
    for wrong in [&["delete"][..], &["delete", "--all", "--set", "shop"], &["delete", ".."], &["delete", ""]] {
        assert_fails(&run(at, wrong), 64, &["--help"]);
    }
    let table = told(at, &["get", "--path", "/a"]);
    let id = rows(&table)[0][0];
    assert_eq!(told(at, &["delete", id]), format!("deleted {id}\n"));
    assert_fails(&run(at, &["delete", id]), 1, &["404"]);
    assert_eq!(told(at, &["delete", "--set", "shop", "--verb", "GET"]), "deleted 1 mock\n");
    assert_eq!(
        rows(&told(at, &["get"])).iter().map(|row| row[1..3].join(" ")).collect::<Vec<_>>(),
        ["POST /b", "GET /c"]
    );
    assert_eq!(told(at, &["delete", "--set", "none"]), "deleted 0 mocks\n");
    assert_eq!(told(at, &["delete", "--all"]), "deleted 2 mocks\n");
    assert_eq!(told(at, &["get"]).lines().count(), 1);
}

#[test]
fn an_exported_set_is_the_same_set_elsewhere() {
    let (here, there) = (Echo::start(&[]), Echo::start(&[]));
    let body = "\u{1b}[31mred\u{9b}31m\u{202e}é\r\n\u{0}";
    let hostile =
        json!({"verb": "GET", "path": "/a", "response": {"code": 200, "body": body, "headers": {"X-A": "1"}}});
    put(&here, "shop", &json!([mock("GET", "/z", 204), hostile]));
    let exported = told(here.management, &["export", "shop", "--output", "json"]);
    assert!(exported.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'), "{exported}");
    put(&there, "shop", &serde_json::from_str(&exported).unwrap());
    assert_eq!(there.get("/-/sets/shop").text(), here.get("/-/sets/shop").text());
    assert_eq!(there.call("GET", "/a").text(), body);
    // As a mock file: YAML for common texts, and the form of JSON for hostile texts.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shop.yaml");
    for mocks in [json!([mock("GET", "/z", 204)]), there.get("/-/sets/shop").json()] {
        put(&here, "shop", &mocks);
        std::fs::write(&file, told(here.management, &["export", "shop"])).unwrap();
        told(there.management, &["apply", file.to_str().unwrap()]);
        assert_eq!(there.get("/-/sets/shop").json(), mocks);
    }
    assert_fails(
        &run(here.management, &["export", "none"]),
        1,
        &["`none` does not exist", "`echo-service get --sets`"],
    );
}

#[test]
fn an_explanation_has_a_line_for_each_mock_that_fits() {
    let echo = Echo::start(&[]);
    let tests = json!({"query": {"lang": "fr"}, "headers": {"X-A": "2"}, "body": "x"});
    let tested = json!({"verb": "POST", "path": "/a", "when": tests, "response": {"code": 200}});
    put(&echo, "shop", &json!([mock("ANY", "/{*all}", 404), tested]));
    let explain = |arguments: &[&str]| told(echo.management, &[&["explain"], arguments].concat());
    let result = |table: &str| rows(table).iter().map(|row| row[1..].join(" ")).collect::<Vec<_>>();
    let fallback = "ANY /{*all} 0 answers";
    let failing = |test: &str| vec![format!("POST /a 0 {test}"), fallback.into()];
    let (lang, fields) = ("/a?lang=fr", ["-H", "X-A: 1", "--header", "x-a:2"]);
    assert_eq!(result(&explain(&["POST", "/a?lang=en"])), failing("/when/query/lang: expects \"fr\", found \"en\""));
    assert_eq!(result(&explain(&["post", lang])), failing("/when/headers/x-a: expects \"2\", found nothing"));
    let two = explain(&["POST", lang, "-H", "X-A: 1", "-H", "x-a:3"]);
    assert_eq!(result(&two), failing("/when/headers/x-a: expects \"2\", found \"1\", \"3\""));
    let call = [&["POST", lang][..], &fields].concat();
    assert_eq!(result(&explain(&call)), failing("/when/body: expects \"x\", found \"\""));
    assert_eq!(
        result(&explain(&[&call[..], &["--body", "x"]].concat())),
        ["POST /a 0 answers", "ANY /{*all} 0 not tried"]
    );
    put(&echo, "shop", &json!([mock("GET", "/b", 200)]));
    assert!(explain(&["GET", "/a"]).ends_with("no mock answers: the call gets 404\n"));
    let wrong = run(echo.management, &["explain", "TRACE", "x"]);
    assert_fails(&wrong, 1, &["422: /verb: ", "\n422: /target: "]);
    assert_fails(&run(echo.management, &["explain", "GET", "/a", "-H", "X-A"]), 64, &["'Accept: text/html'"]);
}

#[test]
fn a_wait_ends_when_echo_is_ready_or_with_the_reason() {
    let at = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_fails(&run(at, &["wait", "--timeout", "0s"]), 1, &["not ready after 0s", "does not answer", "--timeout"]);
    let mut waiting = command(at, &["wait", "--timeout", "20s"]);
    let waiting = waiting.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let _echo = Echo::start(&["--listen", &at.to_string()]);
    let output = waiting.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("http://{at} is ready\n"));
    // A silent server.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let start = Instant::now();
    let silent = run(silent.local_addr().unwrap(), &["wait", "--timeout", "200ms"]);
    assert!(start.elapsed() < PATIENCE);
    assert_fails(&silent, 1, &["not ready after 200ms", "does not answer"]);
    let loading = http("503 X", r#"{"errors": [{"detail": "Loading: 7 mocks so far"}]}"#);
    assert_fails(&run(other_server(loading), &["wait", "--timeout", "1ms"]), 1, &["503: Loading: 7 mocks so far"]);
    for wrong in ["-1s", "soon", "25h"] {
        assert_fails(&run(at, &["wait", &format!("--timeout={wrong}")]), 64, &["--timeout"]);
    }
}

#[test]
fn commands_take_their_key_from_a_variable_or_file_and_say_its_limits() {
    let key = |scope: &str| {
        let output = Echo::command().args(["key", "new", "--scope", scope]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let words: Vec<_> = text.lines().map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect();
        (words[0].clone(), words[1].replace("default", scope))
    };
    let ((reader, one), (writer, other)) = (key("read"), key("write"));
    let echo = Echo::start(&["--keys", &format!("{one},{other}")]);
    let at = echo.management;
    let with = |token: &str, arguments: &[&str]| command(at, arguments).env("ECHO_TOKEN", token).output().unwrap();
    for arguments in ALL {
        assert_fails(&run(at, arguments), 1, &["401: ", "ECHO_TOKEN", "--key-file"]);
        let wrong = with(&reader.replace("echo_", "echo_0"), arguments);
        assert_fails(&wrong, 1, &["401: The key in `Authorization` is unknown", "ECHO_TOKEN"]);
    }
    assert!(told(at, &["wait"]).ends_with(" is ready\n"));
    let variables = [("ECHO_URL", format!("http://{at}")), ("ECHO_TOKEN", reader.clone())];
    assert!(Echo::command().arg("get").envs(variables.clone()).output().unwrap().status.success());
    assert_eq!(
        Echo::start_with(&[], &variables.each_ref().map(|(name, value)| (*name, &**value))).call("GET", "/").status,
        404
    );
    assert!(with(&reader, &["get"]).status.success());
    assert_fails(&with(&reader, &["delete", "--all"]), 1, &["403: "]);
    assert_fails(&with(&writer, &["export", "shop"]), 1, &["403: "]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, format!("{writer}\n")).unwrap();
    assert_eq!(told(at, &["delete", "--all", "--key-file", file.to_str().unwrap()]), "deleted 0 mocks\n");
}

#[test]
fn a_reader_that_has_read_enough_is_no_error_and_a_full_disk_is() {
    let echo = Echo::start(&[]);
    put(&echo, "many", &(0..3_000).map(|number| mock("GET", &format!("/{number}"), 200)).collect());
    for arguments in [&["get"][..], &["get", "-o", "json"], &["export", "many"]] {
        let mut piped =
            command(echo.management, arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(piped.stdout.take());
        let output = piped.wait_with_output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        let full = command(echo.management, arguments).stdout(File::create("/dev/full").unwrap()).output().unwrap();
        assert_fails(&full, 1, &["cannot write the output: No space left"]);
    }
    let mut silent = command(echo.management, &["export", "none"]).stderr(Stdio::piped()).spawn().unwrap();
    drop(silent.stderr.take());
    assert_eq!(silent.wait().unwrap().code(), Some(1));
}

#[test]
fn completions_of_each_shell_know_all_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let output = Echo::command().args(["completions", shell]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(
            ["explain", "export", "--sets", "--dry-run"].iter().all(|word| text.contains(&word.replace("--", ""))),
            "{text}"
        );
        if shell == "bash" {
            assert!(Command::new("bash").args(["-n", "-c", &text]).status().unwrap().success());
        }
    }
    assert_fails(&Echo::command().args(["completions", "dos"]).output().unwrap(), 64, &["bash", "zsh", "fish"]);
}
