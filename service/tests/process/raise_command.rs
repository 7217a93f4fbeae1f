//! `echo-service store raise`: how an operator raises the store of a running Echo.

use std::{
    ffi::OsStr, fs, io::Read as _, net::Ipv4Addr, os::unix::ffi::OsStrExt as _, path::Path, process::Output, sync::Arc,
};

use flate2::read::GzDecoder;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    runtime::Runtime,
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};

use crate::support::Echo;

fn raise(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    raise_with(arguments, &variables.iter().map(|(name, value)| (*name, OsStr::new(*value))).collect::<Vec<_>>())
}

fn raise_with(arguments: &[&str], variables: &[(&str, &OsStr)]) -> Output {
    let mut command = Echo::command();
    command.args(["store", "raise"]).args(arguments).envs(variables.iter().copied()).output().unwrap()
}

#[track_caller]
fn assert_told(output: &Output, code: i32, words: &str) {
    let text = String::from_utf8_lossy(if code == 0 { &output.stdout } else { &output.stderr }).into_owned();
    assert!(output.status.code() == Some(code) && text.contains(words), "{output:?}");
}

/// A file that a version of format 1 has written.
fn old_file(folder: &Path) -> String {
    let mut file = Vec::new();
    GzDecoder::new(&include_bytes!("../../../tests/formats/format_1.redb.gz")[..]).read_to_end(&mut file).unwrap();
    let path = folder.join("echo.redb");
    fs::write(&path, file).unwrap();
    format!("file:{}", path.display())
}

#[test]
fn a_raise_is_tried_and_made_with_the_token_of_a_variable_or_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let output = Echo::command().args(["key", "new", "--scope", "write"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let [token, entry] = text.lines().map(|line| line.rsplit(' ').next().unwrap()).collect::<Vec<_>>()[..] else {
        panic!("a token and its entry")
    };
    let echo = Echo::start(&["--store", &old_file(folder.path()), "--keys", entry]);
    let url = format!("http://{}", echo.management);
    let file = folder.path().join("token");
    fs::write(&file, format!("{token}\n")).unwrap();
    let (with_file, variable) = (["--url", &url, "--key-file", file.to_str().unwrap()], [("ECHO_TOKEN", token)]);

    assert_told(&raise(&["--url", &url], &[]), 1, "401: This request needs a key");
    assert_told(&raise(&["--url", &url, "--format", "6"], &variable), 1, "400: This version knows formats 1 to 5");
    let dry = raise(&["--url", &url, "--dry-run"], &variable);
    assert_told(&dry, 0, "the store would be raised from format 1 to format 5");
    assert_told(&raise(&with_file, &[]), 0, "the store is raised from format 1 to format 5");
    echo.log_line(|line| line["message"].as_str().is_some_and(|text| text.contains("the file is raised")));
    let again = raise(&["--url", &format!("{url}/")], &variable);
    assert_told(&again, 0, "the store is written in format 5: there is nothing to raise");
    assert_eq!(echo.call("GET", "/kept").status, 200);
}

#[test]
fn what_hinders_a_raise_is_said_with_the_url() {
    for (url, words) in [
        ("http://127.0.0.1:1", "http://127.0.0.1:1 does not answer"),
        ("echo.example.com", "--url echo.example.com: "),
        ("ftp://127.0.0.1", "ftp://127.0.0.1"),
    ] {
        assert_told(&raise(&["--url", url], &[]), 1, words);
    }
    let echo = Echo::start(&["--management-listen", "127.0.0.1:0"]);
    let mocks = format!("http://{}", echo.mocks);
    assert_told(&raise(&["--url", &mocks], &[]), 1, "404: Requested page `/-/store/raise` does not exist");
    let missing = ["--url", &mocks, "--key-file", "/nowhere/token"];
    assert_told(&raise(&missing, &[]), 1, "cannot read --key-file /nowhere/token");
}

#[test]
fn a_text_that_is_no_token_is_reported_without_the_text() {
    let (folder, url) = (tempfile::tempdir().unwrap(), ["--url", "http://127.0.0.1:1"]);
    let file = folder.path().join("token");
    for text in [&b"secret\nsecond"[..], b"s\xc3\xa9cret", b"\xffsecret", b"sec ret", b" \n"] {
        fs::write(&file, text).unwrap();
        let named = file.to_str().unwrap();
        let told = [
            (raise(&[&url[..], &["--key-file", named]].concat(), &[]), format!("--key-file {named} holds no token")),
            (raise_with(&url, &[("ECHO_TOKEN", OsStr::from_bytes(text))]), "ECHO_TOKEN holds no token".to_owned()),
        ];
        for (output, words) in told {
            assert_told(&output, 1, &words);
            assert!(!String::from_utf8_lossy(&output.stderr).contains("cret"), "{output:?}");
        }
    }
}

/// As an environment with a domain has it.
#[test]
fn a_raise_over_tls_trusts_the_systems_certificates() {
    let (folder, runtime, echo) = (tempfile::tempdir().unwrap(), Runtime::new().unwrap(), Echo::start(&[]));
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["127.0.0.1".into()]).unwrap();
    let trusted = folder.path().join("trusted.pem");
    fs::write(&trusted, cert.pem()).unwrap();
    let key = signing_key.serialize_der().try_into().unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![cert.der().clone()], key).unwrap();
    let (acceptor, to) = (TlsAcceptor::from(Arc::new(config)), echo.management);
    let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // A client that does not trust the certificate ends the handshake.
                let mut client = acceptor.accept(stream).await.ok()?;
                copy_bidirectional(&mut client, &mut TcpStream::connect(to).await.unwrap()).await.ok()
            });
        }
    });
    let told = raise(&["--url", &url], &[("SSL_CERT_FILE", trusted.to_str().unwrap())]);
    assert_told(&told, 0, "there is nothing to raise");
    assert_told(&raise(&["--url", &url], &[]), 1, "does not answer");
}
