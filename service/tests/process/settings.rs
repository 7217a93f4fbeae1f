//! Messages about wrong settings, and the effect of valid settings.

use std::{net::Ipv4Addr, process::Output};

use clap::CommandFactory;
use echo_service::config::{Cli, settings_tables};
use serde_json::json;

use crate::{
    generated_tables::assert_section,
    support::{Echo, new_endpoint},
};

pub fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    Echo::command().args(arguments).envs(variables.iter().copied()).output().unwrap()
}

/// Runs with wrong settings, and returns the message.
pub fn complaint(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let Output { status, stdout, stderr } = run(arguments, variables);
    let message = String::from_utf8(stderr).unwrap();
    assert_eq!((status.code(), stdout.len()), (Some(64), 0), "{message}");
    message
}

#[test]
fn all_mistakes_are_reported_at_once_with_corrections() {
    let message = complaint(
        &["--listen", "localhost", "--store", "tape:1", "--idle-timeout", "0s", "--log=,=", "--keys", "ci:admin"],
        &[
            ("ECHO_MANAGEMENT_LISTEN", "127.0.0.1"),
            ("ECHO_RATE_LIMIT", "many"),
            ("ECHO_MAX_CONNECTIONS", "0"),
            ("ECHO_TRUSTED_PROXIES", "10.0.0.0/33"),
            ("ECHO_PUBLIC_URL", "https://example.com/path"),
            ("ECHO_SHUTDOWN_DELAY", "soon"),
            ("ECHO_ALLOW_ANONYMOUS", "yes"),
            ("ECHO_LOG_FORMAT", "xml"),
            ("ECHO_LISTN", "127.0.0.1:80"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
        ],
    );
    for (setting, advice) in [
        ("--listen (ECHO_LISTEN): `localhost` is not an address", "write ADDRESS:PORT"),
        ("--management-listen (ECHO_MANAGEMENT_LISTEN): `127.0.0.1` is not an address", "write ADDRESS:PORT"),
        ("--store (ECHO_STORE): `tape:1` is not a store", "write `file:PATH`, `memory` or `dynamodb:TABLE`"),
        ("--idle-timeout (ECHO_IDLE_TIMEOUT): 0 would end every connection", "write a longer duration"),
        ("--log (ECHO_LOG): `=` has no target", "write error, warn, info"),
        ("--keys (ECHO_KEYS): a key entry does not have three parts", "`echo-service key new` prints it"),
        ("--rate-limit (ECHO_RATE_LIMIT): `many` is not a rate", "write requests per second, or 0"),
        ("--max-connections (ECHO_MAX_CONNECTIONS): `0` is out of range", "write a whole number from 1 to"),
        ("--trusted-proxies (ECHO_TRUSTED_PROXIES): `10.0.0.0/33` is not a network", "write CIDR blocks"),
        ("--public-url (ECHO_PUBLIC_URL): `https://example.com/path` is not a base URL", "without a path"),
        ("--shutdown-delay (ECHO_SHUTDOWN_DELAY): `soon` is not a duration", "write for instance 10s"),
        ("--allow-anonymous (ECHO_ALLOW_ANONYMOUS): `yes`", "neither `true` nor `false`: write `true`"),
        ("--log-format (ECHO_LOG_FORMAT): `xml` is not a format", "write `auto`, `json` or `text`"),
        ("ECHO_LISTN is not a setting", "see `echo-service --help`"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT: `collector:4318` is not the URL of a collector", "write `http://HOST:4318`"),
    ] {
        let line =
            message.lines().find(|line| line.contains(setting)).unwrap_or_else(|| panic!("{setting}:\n{message}"));
        assert!(line.contains(advice), "{line}");
    }
    assert_eq!(message.lines().count(), 15, "{message}");
}

#[test]
fn each_kind_of_wrong_value_has_a_correction() {
    for (flag, value, expected) in [
        ("--max-connections", "-1", "`-1` is out of range: write a whole number from 1 to 1000000"),
        ("--max-connections", "99999999999999999999", "is out of range: write a whole number"),
        ("--max-body-bytes", "2MB", "`2MB` is not a whole number: write a whole number from 1024 to"),
        ("--max-set-bytes", "32MiB", "`32MiB` is not a whole number: write a whole number from 1024 to"),
        ("--max-header-bytes", "1.5", "`1.5` is not a whole number"),
        ("--rate-limit", "-1", "`-1` is not a rate: write requests per second"),
        ("--idle-timeout", "-5s", "`-5s` is not a duration: write for instance 10s"),
        ("--lease", "5ms", "`5ms` is out of range: write whole milliseconds from 20ms to 10s"),
        ("--listen", ":8080", "write ADDRESS:PORT, for instance 127.0.0.1:8080 for this machine only, or 0.0.0.0:8080"),
        ("--port", "-1", "`-1` is not a port: write a whole number"),
        ("--port", "99999", "`99999` is not a port"),
        ("--allow-anonymous", "maybe", "`maybe` is neither `true` nor `false`: write one of them"),
        ("--allow-anonymous", "1", "`1` is neither `true` nor `false`: write `true`"),
        ("--allow-anonymous", "No", "`No` is neither `true` nor `false`: write `false`"),
        ("--store", "foo.redb", "`foo.redb` is not a store: write `file:foo.redb`"),
        ("--store", "/data/echo", "write `file:/data/echo`"),
        ("--store", "redis", "write `file:PATH`, `memory` or `dynamodb:TABLE`"),
        ("--mock-cors", "*", "write `any`, or origins such as `http://localhost:3000`"),
        ("--mock-cors", "http://localhost:3000/", "write `http://localhost:3000`"),
        ("--trusted-proxies", "0.0.0.0/0", "`0.0.0.0/0` covers every address"),
        ("--trusted-proxies", "10.0.0.0/8, ::/0", "`10.0.0.0/8, ::/0` covers every address"),
        ("--trusted-proxies", "10.1.2.3/0", "`10.1.2.3/0` covers every address"),
        ("--public-url", "http://h#f", "`http://h#f` is not a base URL"),
        ("--public-url", "http://h:99999", "is not a base URL"),
        ("--public-url", "http://h:", "is not a base URL"),
        ("--public-url", "http://[fe80::1%eth0]", "is not a base URL"),
        ("--public-url", "http://u:secret@h", "the URL holds user information"),
        ("--log", "inf", "`inf` is not a level: write error, warn, info"),
        ("--log", "echo_service=inf", "`inf` in `echo_service=inf` is not a level"),
        ("--keys", "", "the list of keys is empty, which would open management to everybody"),
    ] {
        let message = complaint(&[flag, value], &[]);
        assert!(message.contains(expected) && message.lines().count() == 1, "{flag} {value}: {message}");
        assert!(!message.contains("secret"), "{message}");
    }
}

#[test]
fn a_port_is_enough_to_listen_elsewhere() {
    let mut command = Echo::command();
    command.args(["--port", "0", "--store", "memory", "--allow-anonymous", "true"]).env("ECHO_LISTEN", "[::]:8080");
    let echo = Echo::spawn(&mut command).unwrap();
    assert!(echo.mocks.ip().is_unspecified() && echo.mocks.is_ipv6() && echo.mocks.port() != 8080, "{}", echo.mocks);
    let port = echo.mocks.port().to_string();
    // Also without the keys or the --allow-anonymous of the service, as in a container.
    let (local, open) = (format!("localhost:{port}"), format!("[::]:{port}"));
    for (flag, address) in
        [("--port", &port), ("--listen", &port), ("--management-listen", &local), ("--listen", &open)]
    {
        let healthcheck = run(&["healthcheck", flag, address], &[("ECHO_LISTEN", "[::1]:8080")]);
        assert!(healthcheck.status.success(), "{flag} {address}: {healthcheck:?}");
    }
}

#[test]
fn the_log_says_that_management_is_open_to_other_machines() {
    let key = format!("ci:read+write:{}", "0".repeat(64));
    for (arguments, is_told) in [
        (["--listen", "0.0.0.0:0", "--allow-anonymous", "true"], true),
        (["--listen", "127.0.0.1:0", "--allow-anonymous", "true"], false),
        (["--listen", "0.0.0.0:0", "--keys", &key], false),
        (["--listen", "0.0.0.0:0", "--management-listen", "127.0.0.1:0"], false),
    ] {
        let echo = Echo::spawn(Echo::command().args(arguments).args(["--store", "memory"])).unwrap();
        let told = echo.early.iter().find(|line| line["level"] == "WARN");
        assert_eq!(told.is_some(), is_told, "{arguments:?}: {told:?}");
        if let Some(told) = told {
            assert!(
                told["message"].as_str().unwrap().contains("set --keys")
                    && told["management"] == echo.management.to_string(),
                "{told}"
            );
        }
    }
}

#[test]
fn unknown_flags_and_missing_values_are_reported() {
    assert!(complaint(&["--lisen", "127.0.0.1:0"], &[]).contains("unexpected argument '--lisen'"));
    assert!(complaint(&["--store"], &[]).contains("a value is required for '--store <STORE>'"));
    assert!(complaint(&["start"], &[]).contains("unrecognized subcommand 'start'"));
}

#[test]
fn a_flag_before_the_subcommand_is_refused_instead_of_being_lost() {
    let message = complaint(&["--listen", "127.0.0.1:0", "healthcheck"], &[]);
    assert!(message.contains("the subcommand 'healthcheck' cannot be used with '--listen"), "{message}");
}

#[test]
fn an_impossible_collector_address_is_reported() {
    for wrong in ["not a url", "https://collector:4318", "collector"] {
        for variable in
            ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"]
        {
            let message = complaint(&[], &[(variable, wrong)]);
            assert!(message.contains(&format!("{variable}: `{wrong}` is not the URL of a collector")), "{message}");
        }
    }
}

#[test]
fn help_lists_every_setting_with_its_variable_and_default() {
    let Output { status, stdout, .. } = run(&["--help"], &[]);
    assert!(status.success());
    let help = String::from_utf8(stdout).unwrap();
    let command = Cli::command();
    let settings: Vec<_> = command.get_arguments().filter(|argument| argument.get_long().is_some()).collect();
    assert!(settings.len() >= 22, "{settings:?}");
    for setting in settings {
        let flag = format!("--{}", setting.get_long().unwrap());
        let variable = setting.get_env().map(|name| format!("[env: {}", name.to_str().unwrap())).unwrap_or_default();
        assert!(help.contains(&flag) && help.contains(&variable), "{flag} {variable}");
        for default in setting.get_default_values() {
            assert!(help.contains(&format!("[default: {}]", default.to_str().unwrap())), "{flag} {default:?}");
        }
    }
    assert!(["serve", "healthcheck", "key"].iter().all(|command| help.contains(&format!("\n  {command} "))), "{help}");
}

#[test]
fn help_is_short_or_long_in_groups_and_lines_that_fit() {
    let help = |arguments: &[&str]| String::from_utf8(run(arguments, &[]).stdout).unwrap();
    let (short, long, healthcheck) = (help(&["-h"]), help(&["--help"]), help(&["healthcheck", "--help"]));
    for heading in ["Listening", "Store", "Access", "Limits", "Time-outs", "Logging"] {
        assert!([&short, &long].iter().all(|help| help.contains(&format!("\n{heading}:\n"))), "{heading}");
    }
    assert!(short.len() < long.len() / 2 && long.contains("\nExamples:\n") && !short.contains("Examples"));
    // Of the settings, only those about the address of management.
    let flags: Vec<_> = healthcheck.lines().filter(|line| line.trim_start().starts_with("--")).collect();
    assert_eq!(flags.len(), 3, "{healthcheck}");
    for line in [short, long, healthcheck].iter().flat_map(|help| help.lines()) {
        assert!(line.chars().count() <= 100, "{line}");
    }
}

#[test]
fn help_does_not_show_the_keys_of_this_environment() {
    let Output { stdout, .. } = run(&["--help"], &[("ECHO_KEYS", "ci:write:0123456789abcdef"), ("ECHO_LOG", "debug")]);
    let help = String::from_utf8(stdout).unwrap();
    assert!(help.contains("[env: ECHO_LOG=debug]") && !help.contains("0123456789abcdef"));
}

#[test]
fn a_flag_wins_over_its_variable() {
    let echo = Echo::start_with(&["--allow-anonymous", "--listen", "127.0.0.1:0"], &[("ECHO_LISTEN", "nonsense")]);
    assert_eq!(echo.mocks.ip(), Ipv4Addr::LOCALHOST);
    assert_eq!(echo.post(&new_endpoint("GET", "/x", json!({"code": 200}))).status, 201);
}

#[test]
fn open_management_needs_allow_anonymous() {
    for settings in [&["--listen", "0.0.0.0:0"][..], &["--management-listen", "[::]:0"]] {
        let message = complaint(settings, &[]);
        assert!(message.contains("management would be open to everybody at "), "{message}");
        assert!(
            ["set --keys", "`echo-service key new`", "127.0.0.1", "--allow-anonymous"]
                .iter()
                .all(|way| message.contains(way))
        );
    }
    let everywhere = Echo::start(&["--listen", "0.0.0.0:0", "--allow-anonymous"]);
    assert_eq!(everywhere.get("/endpoints").status, 200);
    let apart = Echo::start(&["--listen", "0.0.0.0:0", "--management-listen", "127.0.0.1:0"]);
    assert_eq!((apart.get("/endpoints").status, apart.call("GET", "/endpoints").status), (200, 404));
}

#[test]
fn one_address_for_both_listeners_is_refused() {
    let message = complaint(&["--listen", "127.0.0.1:8080", "--management-listen", "127.0.0.1:8080"], &[]);
    assert!(message.contains("--management-listen is the same address as --listen"), "{message}");
}

/// Creates a key with the command, and returns token and entry.
fn new_key(arguments: &[&str]) -> (String, String) {
    let Output { status, stdout, stderr } = run(&[&["key", "new"], arguments].concat(), &[]);
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    let text = String::from_utf8(stdout).unwrap();
    let line = |start: &str| text.lines().find_map(|line| line.strip_prefix(start)).unwrap().trim().to_owned();
    (line("token (shown only now): "), line("entry for --keys: "))
}

#[test]
fn a_new_key_has_the_rights_of_its_scope() {
    let (writer, writers_entry) = new_key(&["--name", "ci"]);
    let (reader, readers_entry) = new_key(&["--name", "viewer", "--scope", "read"]);
    let echo =
        Echo::start_with(&["--listen", "0.0.0.0:0"], &[("ECHO_KEYS", &format!("{writers_entry},\n {readers_entry}"))]);
    let document = new_endpoint("GET", "/x", json!({"code": 200}));
    let post = |token: Option<&str>| {
        let header = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        echo.manage("POST", "/endpoints", &header, Some(&document)).status
    };
    assert_eq!(post(None), 401);
    assert_eq!(post(Some("echo_0000000000000000000000000000000000000000000000000000000000000000")), 401);
    // A reader of the setting cannot use the key.
    assert_eq!(post(Some(&writers_entry)), 401);
    assert_eq!(post(Some(writers_entry.rsplit(':').next().unwrap())), 401);
    assert_eq!(post(Some(&reader)), 403);
    assert_eq!(post(Some(&writer)), 201);
    let list = |token: &str| echo.manage("GET", "/endpoints", &format!("Authorization: Bearer {token}\r\n"), None);
    assert_eq!((list(&reader).status, list(&writer).status), (200, 200));
    assert_eq!((echo.call("GET", "/x").status, echo.get("/-/live").status), (200, 200), "these need no key");
    let line = echo.log_line(|line| line["method"] == "POST" && line["status"] == 201);
    assert_eq!(line["key"], "ci");
    assert!(!line.to_string().contains(&writer));
}

#[test]
fn key_new_refuses_unusable_names_and_scopes() {
    assert!(complaint(&["key", "new", "--name", "a:b"], &[]).contains("a key entry does not have three parts"));
    assert!(
        complaint(&["key", "new", "--scope", "admin"], &[])
            .contains("`admin` is not a scope: write read, write or read+write")
    );
}

#[test]
fn the_document_of_settings_is_the_help() {
    assert_section("docs/settings.md", "settings", &settings_tables());
}
