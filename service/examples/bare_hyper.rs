//! The ruler of `scripts/bench`: hyper's HTTP/1 server and nothing else.
//!
//! A server that reads every request with its body, and gives the answer of the benchmark's mocks, from static
//! data. The difference to Echo is Echo's own cost. `TCP_NODELAY` is on, as in Echo: without it small answers wait for
//! the client's ACK.
//!
//! ```sh
//! cargo run --release --example bare_hyper -- 127.0.0.1:8080
//! ```

use std::{error::Error, net::SocketAddr};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response,
    body::Incoming,
    header::{CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

static BODY: &[u8] = br#"{"message": "Hello, world"}"#;

async fn answer(request: Request<Incoming>) -> hyper::Result<Response<Full<Bytes>>> {
    request.into_body().collect().await?;
    let mut response = Response::new(Full::new(Bytes::from_static(BODY)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address: SocketAddr = std::env::args().nth(1).ok_or("usage: bare_hyper ADDRESS:PORT")?.parse()?;
    let listener = TcpListener::bind(address).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        // A connection ends in an error when its client goes away: nothing here depends on how it ended.
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)));
    }
}
