//! The page with Swagger UI.
//!
//! Swagger UI is part of the binary, compressed: `scripts/generate/swagger-ui` takes its script and style from npm.

use std::{io::Read as _, sync::LazyLock};

use bytes::Bytes;
use flate2::read::GzDecoder;
use poem::{Endpoint, Response, endpoint::make_sync};

use crate::web::page;

/// Swagger UI is inline and may send requests to this origin only.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const STYLE: &[u8] = include_bytes!("swagger-ui/swagger-ui.css.gz");
const SCRIPT: &[u8] = include_bytes!("swagger-ui/swagger-ui-bundle.js.gz");

/// The complete page, with the document. The first request assembles the 1.9 MB: most processes never serve the page.
pub fn page(document: String) -> impl Endpoint {
    let html = LazyLock::new(move || Bytes::from(html(&document)));
    make_sync(move |_| {
        let mut response = Response::from(html.clone());
        response.headers_mut().extend(page::headers(POLICY));
        response
    })
}

fn html(document: &str) -> String {
    let parts = [("{:style}", &*text(STYLE)), ("{:script}", &*text(SCRIPT)), ("{:document}", document)];
    parts.iter().fold(include_str!("page.html").to_owned(), |page, (name, part)| page.replacen(name, part, 1))
}

fn text(compressed: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(compressed).read_to_string(&mut text).expect("a test reads the page");
    text
}
