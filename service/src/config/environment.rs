//! The variables of the process: empty variables, unknown `ECHO_*` variables, and invalid variables of the AWS SDK.

use std::{
    env::{self, args_os, vars_os},
    ffi::{OsStr, OsString},
    os::unix::{ffi::OsStrExt, process::CommandExt},
    process::Command,
};

use clap::CommandFactory;

use super::{Cli, values::Problems};
use crate::web::url::{self, BadUrl};

/// Prefixes of the variables that Echo, the AWS SDK and the OpenTelemetry SDK read.
const READ: [&str; 3] = ["ECHO_", "AWS_", "OTEL_"];
/// An empty `ECHO_KEYS` is an error: counted as unset, it would open management to everybody.
const KEYS: &str = "ECHO_KEYS";
const AWS_ENDPOINTS: [&str; 2] = ["AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL"];

/// Restarts the program without its empty variables, so that an empty variable counts as unset everywhere.
///
/// The SDKs read the environment themselves, and take some empty variables for values. To change the environment of a
/// running process is unsafe; `exec` is safe and keeps the process id.
pub fn drop_empty_variables() -> Result<(), String> {
    let is_read = |name: &OsString| READ.iter().any(|prefix| name.as_bytes().starts_with(prefix.as_bytes()));
    let empty: Vec<_> = vars_os()
        .filter(|(name, value)| value.is_empty() && is_read(name) && name != KEYS)
        .map(|(name, _)| name)
        .collect();
    let Some(first) = empty.first() else { return Ok(()) };
    let failed = |error| format!("{} is empty, and Echo cannot remove it ({error}): unset it", first.display());
    let mut anew = Command::new(env::current_exe().map_err(failed)?);
    let mut arguments = args_os();
    if let Some(name) = arguments.next() {
        anew.arg0(name);
    }
    anew.args(arguments);
    for name in &empty {
        anew.env_remove(name);
    }
    Err(failed(anew.exec()))
}

/// Refuses a setting whose variable is not UTF-8. clap's own message would not name the variable.
pub fn refuse_garbled_variables() -> Result<(), String> {
    let command = Cli::command();
    let mut settings = command.get_arguments().filter_map(clap::Arg::get_env);
    let is_garbled = |name: &&OsStr| env::var_os(name).is_some_and(|value| value.to_str().is_none());
    settings.find(is_garbled).map_or(Ok(()), |name| Err(format!("{} is not UTF-8: set it anew", name.display())))
}

/// Variables with the prefix `ECHO_` that are not settings: a misspelt setting must not be silently lost.
pub(super) fn unknown_variables(environment: &[(String, String)]) -> Vec<String> {
    let command = Cli::command();
    // A person's shell may have these for the commands that call a service.
    let of_commands = ["ECHO_TOKEN", "ECHO_URL"].map(OsStr::new);
    let known: Vec<_> = command.get_arguments().filter_map(clap::Arg::get_env).chain(of_commands).collect();
    let unknown = |(name, value): &&(String, String)| {
        name.starts_with("ECHO_") && !is_service_link(name, value) && !known.iter().any(|k| *k == name.as_str())
    };
    environment
        .iter()
        .filter(unknown)
        .map(|(name, _)| match name.as_str() {
            "ECHO_PORT" => "ECHO_PORT is not a setting: write the port into ECHO_LISTEN, or as --port".into(),
            _ => format!("{name} is not a setting: see `echo-service --help`, or unset it"),
        })
        .collect()
}

/// Kubernetes sets these variables in every container of a namespace, for each service; Docker sets them for each
/// linked container. `ECHO_MANAGEMENT_…` belongs to a service `echo-management`.
fn is_service_link(name: &str, value: &str) -> bool {
    let is_url = ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme));
    name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_")
        || name.ends_with("_PORT") && is_url
        || names_a_port(name)
        // Docker only: the path of the linked container, and the variables of its image.
        || name.ends_with("_NAME") && value.starts_with('/')
        || name.contains("_ENV_")
}

/// `…_PORT_8080_TCP` and its derived variables.
fn names_a_port(name: &str) -> bool {
    let words: Vec<_> = name.rsplit('_').collect();
    let words = match words.as_slice() {
        ["START" | "END", "PORT", rest @ ..] | ["PROTO" | "PORT" | "ADDR" | "START" | "END", rest @ ..] => rest,
        all => all,
    };
    matches!(words, ["TCP" | "UDP" | "SCTP", number, "PORT", ..] if number.parse::<u16>().is_ok())
}

/// Notes invalid variables of the AWS SDK. Without this check, the SDK would print its internal state, or panic.
pub(super) fn check_aws(environment: &[(String, String)], problems: &mut Problems) {
    let endpoint = |text: &str| match url::parse(text, &["http", "https"]) {
        Ok(uri) if uri.query().is_none() => Ok(()),
        Err(BadUrl::Secret) => {
            Err("the URL holds user information, which DynamoDB does not use: write `http://HOST:PORT`".into())
        }
        Ok(_) | Err(BadUrl::Malformed) => Err(format!(
            "`{text}` is not the URL of an endpoint: write `http://HOST:PORT` or `https://HOST`, or unset it for AWS's own"
        )),
    };
    let is_endpoint = |(name, value): &&(String, String)| AWS_ENDPOINTS.contains(&name.as_str()) && !value.is_empty();
    for (name, value) in environment.iter().filter(is_endpoint) {
        problems.named(name, value, endpoint);
    }
    let region = |text: &str| {
        let is_label = (1..=63).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if is_label { Ok(()) } else { Err(format!("`{text}` is not a region: write for instance eu-west-1")) }
    };
    // As in the SDK, the first variable that is set wins.
    let get = |name| environment.iter().find(|(n, value)| n == name && !value.is_empty());
    if let Some((name, value)) = get("AWS_REGION").or_else(|| get("AWS_DEFAULT_REGION")) {
        problems.named(name, value, region);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_taken(name: &str, value: &str) -> bool {
        unknown_variables(&[(name.to_owned(), value.to_owned())]).is_empty()
    }

    #[test]
    fn what_kubernetes_and_docker_set_for_a_service_of_any_name_is_no_setting() {
        for service in ["ECHO", "ECHO_MANAGEMENT", "ECHO_DEV", "ECHO_LISTEN", "ECHO_2"] {
            for (rest, value) in [
                ("SERVICE_HOST", "10.0.0.1"),
                ("SERVICE_PORT", "8081"),
                ("SERVICE_PORT_HTTP", "8081"),
                ("SERVICE_PORT_HTTP_ADMIN", "8081"),
                ("PORT", "tcp://10.0.0.1:8081"),
                ("PORT", "udp://10.0.0.1:53"),
                ("PORT_8081_TCP", "tcp://10.0.0.1:8081"),
                ("PORT_8081_TCP_PROTO", "tcp"),
                ("PORT_8081_TCP_PORT", "8081"),
                ("PORT_8081_TCP_ADDR", "10.0.0.1"),
                ("PORT_53_UDP_ADDR", "10.0.0.1"),
                ("PORT_9_SCTP_PORT", "9"),
                ("PORT_8081_TCP_START", "tcp://10.0.0.1:8081"),
                ("PORT_8081_TCP_END", "tcp://10.0.0.1:8090"),
                ("PORT_8081_TCP_PORT_START", "8081"),
                ("PORT_8081_UDP_PORT_END", "8090"),
                ("NAME", "/web/echo"),
                ("ENV_PATH", "/bin"),
                ("ENV_KEYS", "x"),
            ] {
                assert!(is_taken(&format!("{service}_{rest}"), value), "{service}_{rest}");
            }
        }
    }

    #[test]
    fn a_misspelt_setting_is_told_even_if_it_looks_like_a_link() {
        for (name, value) in [
            ("ECHO_LISTN", "127.0.0.1:80"),
            ("ECHO_LISTEN_PORT", "8080"),
            ("ECHO_PORT", "9090"),
            ("ECHO_PORT_HTTP", "8080"),
            ("ECHO_PORT_TCP", "8080"),
            ("ECHO_PORT_START", "8080"),
            ("ECHO_PORT_8080_START", "8080"),
            ("ECHO_SERVICE", "x"),
            ("ECHO_KEY_NAME", "ci"),
            ("ECHO_ENV", "prod"),
        ] {
            assert!(!is_taken(name, value), "{name}");
        }
        assert!(is_taken("ECHO_LISTEN", "127.0.0.1:80") && is_taken("PATH", "/bin"));
    }
}
