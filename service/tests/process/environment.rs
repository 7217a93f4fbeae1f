//! Empty variables, and variables of Kubernetes and Docker. None of them is a setting.

use std::{ffi::OsStr, net::TcpListener, os::unix::ffi::OsStrExt, process::Output};

use clap::CommandFactory;
use echo_service::config::Cli;

use crate::{
    settings::{complaint, run},
    support::Echo,
};

/// Starts on a table, and returns the message: one line on standard error, and nothing in the log.
fn refusal(variables: &[(&str, &str)], code: i32) -> String {
    let arguments = ["--port", "0", "--store", "dynamodb:echo-table", "--log-format", "text"];
    let output = run(&arguments, &[&[("HOME", "/nowhere")], variables].concat());
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), message.lines().count()), (Some(code), 1), "{message}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "", "{message}");
    message
}

/// An address without a listener.
fn nowhere() -> String {
    format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap())
}

#[test]
fn an_empty_setting_counts_as_unset_except_for_keys() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Echo::command();
    command.current_dir(folder.path()).args(["--port", "0"]).env("ECHO_MISSPELT", "").env("OTEL_TRACES_EXPORTER", "");
    for setting in Cli::command().get_arguments().filter_map(clap::Arg::get_env).filter(|name| *name != "ECHO_KEYS") {
        command.env(setting, "");
    }
    let echo = Echo::spawn(&mut command).unwrap();
    assert!(echo.mocks.ip().is_loopback() && echo.get("/-/ready").status == 200);
    assert!(folder.path().join("echo.redb").is_file());
    for keys in ["", " ", ",", " ,\n"] {
        let message = complaint(&["--port", "0"], &[("ECHO_KEYS", keys), ("ECHO_STORE", "")]);
        assert!(
            message.contains("--keys (ECHO_KEYS): the list of keys is empty") && message.lines().count() == 1,
            "{message}"
        );
    }
}

#[test]
fn an_empty_aws_variable_counts_as_unset() {
    assert!(refusal(&[("AWS_REGION", "")], 1).contains("no AWS region is set: set AWS_REGION"));
    let nowhere = nowhere();
    let variables = [
        ("AWS_REGION", ""),
        ("AWS_DEFAULT_REGION", "eu-test-1"),
        ("AWS_PROFILE", ""),
        ("AWS_SESSION_TOKEN", ""),
        ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", ""),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", ""),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_ENDPOINT_URL_DYNAMODB", ""),
        ("AWS_ENDPOINT_URL", &nowhere),
    ];
    let message = refusal(&variables, 1);
    assert!(message.contains("eu-test-1 cannot be looked at") && message.contains("Connection refused"), "{message}");
}

#[test]
fn without_a_region_or_credentials_one_line_says_what_to_set() {
    assert!(refusal(&[], 1).contains("no AWS region is set: set AWS_REGION"));
    let region = [("AWS_REGION", "eu-test-1"), ("AWS_EC2_METADATA_DISABLED", "true")];
    assert!(refusal(&region, 1).contains("no AWS credentials were found"));
}

#[test]
fn a_wrong_endpoint_in_an_aws_profile_is_reported() {
    let profile = tempfile::NamedTempFile::new().unwrap();
    for wrong in ["", "localhost:8000", "not a url"] {
        let text = format!(
            "[default]\nregion = eu-test-1\nservices = here\n[services here]\ndynamodb =\n  endpoint_url = {wrong}\n"
        );
        std::fs::write(profile.path(), text).unwrap();
        let message = refusal(&[("AWS_CONFIG_FILE", profile.path().to_str().unwrap())], 1);
        assert!(message.contains(&format!("names the endpoint `{wrong}`, which is not a URL")), "{message}");
    }
}

#[test]
fn a_wrong_aws_endpoint_or_region_is_reported_in_one_line() {
    for variable in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB"] {
        for wrong in [
            "127.0.0.1:8000",
            "localhost",
            "http://",
            "http://h:99999",
            "not a url",
            " ",
            "ftp://h",
            "http://u:secret@h",
        ] {
            let message = refusal(&[("AWS_REGION", "eu-test-1"), (variable, wrong)], 64);
            assert!(
                message.contains(&format!("{variable}: ")) && message.contains("write `http://HOST:PORT`"),
                "{message}"
            );
            assert!(!message.contains("secret"), "{message}");
        }
    }
    for wrong in [" ", "eu west 1", "eu-west-1/", "https://eu-west-1"] {
        let message = refusal(&[("AWS_REGION", wrong)], 64);
        assert!(message.contains(&format!("AWS_REGION: `{wrong}` is not a region")), "{message}");
    }
    // Other stores do not check the variables of AWS.
    Echo::start_with(&[], &[("AWS_ENDPOINT_URL", "nonsense"), ("AWS_REGION", " ")]);
}

#[test]
fn variables_of_other_programs_are_ignored() {
    let links = [
        ("ECHO_PORT", "tcp://10.0.0.1:8080"),
        ("ECHO_MANAGEMENT_SERVICE_HOST", "10.0.0.1"),
        ("ECHO_BOT_SERVICE_PORT_HTTP", "8080"),
        ("ECHO_DEV_PORT_8081_TCP_ADDR", "10.0.0.1"),
        ("ECHO_X_NAME", "/web/echo-x"),
        ("ECHO_X_ENV_PATH", "/bin"),
    ];
    let echo = Echo::start_with(&[], &links);
    assert!(run(&["healthcheck", "--listen", &echo.mocks.to_string()], &links).status.success());
    for (name, value) in [("ECHO_PORT", "9090"), ("ECHO_LISTEN_PORT", "9090"), ("ECHO_LISTN", "x")] {
        assert!(complaint(&[], &[(name, value)]).contains(&format!("{name} is not a setting: ")));
    }
}

#[test]
fn a_setting_that_is_not_utf_8_is_named() {
    for name in ["ECHO_LOG", "ECHO_PUBLIC_URL"] {
        let Output { status, stderr, .. } = Echo::command().env(name, OsStr::from_bytes(b"in\xff")).output().unwrap();
        let message = String::from_utf8(stderr).unwrap();
        assert!(status.code() == Some(64) && message.contains(&format!("{name} is not UTF-8")), "{message}");
    }
}
