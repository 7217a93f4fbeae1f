//! DynamoDB over TLS, as on AWS: the certificates that the service trusts.

use std::{fs, net::Ipv4Addr, path::Path, sync::Arc};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::json;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};

use super::{
    opening::start_with,
    table::{Table, VARIABLES, server},
};

/// The server of the tests behind TLS. Puts the certificate into the folder, and returns the URL.
async fn serve_tls(folder: &Path) -> String {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["127.0.0.1".into()]).unwrap();
    fs::write(folder.join("trusted.pem"), cert.pem()).unwrap();
    let key = signing_key.serialize_der().try_into().unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![cert.der().clone()], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // A client that does not trust the certificate ends the handshake.
                let mut client = acceptor.accept(stream).await.ok()?;
                let mut server = TcpStream::connect(server().trim_start_matches("http://")).await.unwrap();
                copy_bidirectional(&mut client, &mut server).await.ok()
            });
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn only_certificates_of_the_system_are_trusted() {
    let (table, folder) = (Table::create().await, tempfile::tempdir().unwrap());
    let url = serve_tls(folder.path()).await;
    let start = |trusted: &str| {
        let trusted = folder.path().join(trusted);
        let aws = [("AWS_ENDPOINT_URL", &*url), ("SSL_CERT_FILE", trusted.to_str().unwrap())];
        start_with(&table.name, &[&VARIABLES[..], &aws].concat())
    };
    let echo = start("trusted.pem").unwrap();
    echo.create("GET", "/over/tls", json!({"code": 200, "body": "yes"}));
    assert_eq!(echo.call("GET", "/over/tls").text(), "yes");

    let other = generate_simple_self_signed(["127.0.0.1".into()]).unwrap();
    fs::write(folder.path().join("other.pem"), other.cert.pem()).unwrap();
    for trusted in ["other.pem", "absent.pem"] {
        let message = start(trusted).err().expect("a stranger is not talked to");
        assert!(message.contains("invalid peer certificate"), "{trusted}: {message}");
    }
}
