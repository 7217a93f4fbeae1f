//! Management: `/endpoints`, health and documentation, as a poem application. The application answers every request.

mod access;
mod budget;
mod conditions;
mod docs;
mod document;
mod endpoints;
mod error;
mod explain;
mod health;
mod json;
mod jsonapi;
mod keys;
mod location;
mod media_type;
mod operations;
mod origin;
mod parameters;
mod responses;
mod schema;
mod sets;
mod store;

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use poem::{
    Endpoint, EndpointExt, Request, Response, Route,
    endpoint::BoxEndpoint,
    error::{MethodNotAllowedError, NotFoundError, ParsePathError, ResponseError},
};
use poem_openapi::OpenApi;
use tracing::field::display;

pub use access::{Access, Caller, Gate};
pub use document::{Rules, read_set};
pub use error::ApiError;
pub use health::Readiness;
pub use keys::{Key, Token};
pub use location::{Locations, PublicUrl};

use self::{
    budget::{Budget, ShareKind},
    docs::Documentation,
    endpoints::{Created, EndpointsApi},
    explain::ExplainApi,
    health::HealthApi,
    sets::SetsApi,
    store::StoreApi,
};
use crate::{
    replica::Replica,
    telemetry::visible,
    web::{BodyLimits, routes},
};

/// The parts of management.
pub struct Management {
    pub replica: Arc<Replica>,
    pub readiness: Readiness,
    pub gate: Arc<Gate>,
    pub locations: Locations,
    pub body_limits: BodyLimits,
    /// Maximum size of the list of a set, in bytes.
    pub max_set_bytes: usize,
    pub rules: Rules,
    /// Whether mocks are on the same listener. If so, some paths are reserved, and the documentation can call mocks.
    pub shared_listener: bool,
}

impl Management {
    /// The application turns every error into an answer.
    pub fn into_endpoint(self) -> BoxEndpoint<'static, Response> {
        let health = HealthApi { readiness: self.readiness, replica: Arc::clone(&self.replica) };
        let store = StoreApi { replica: Arc::clone(&self.replica) };
        let replica = Arc::clone(&self.replica);
        let rules = self.rules;
        let explain = ExplainApi { replica: Arc::clone(&self.replica), is_reserved: rules.is_reserved };
        let sets = SetsApi { replica: Arc::clone(&self.replica), rules, max_bytes: self.max_set_bytes };
        let endpoints = EndpointsApi { replica: self.replica, locations: self.locations, rules };
        let has_keys = self.gate.has_keys();
        let routes = documented((endpoints, sets, explain, store, health), self.shared_listener, has_keys);
        let front = Arc::new(Front {
            replica,
            gate: self.gate,
            body_limits: self.body_limits,
            max_set_bytes: self.max_set_bytes,
            budget: Budget::new(self.body_limits.bytes, self.max_set_bytes),
        });
        routes
            .around(move |routes, request| {
                let front = Arc::clone(&front);
                async move { Ok(front.answer(&routes, request).await) }
            })
            .boxed()
    }
}

/// The steps before and after the handler of every request.
struct Front {
    replica: Arc<Replica>,
    gate: Arc<Gate>,
    body_limits: BodyLimits,
    max_set_bytes: usize,
    budget: Budget,
}

impl Front {
    /// Serves a request from admission to answer. Gives all errors, also poem's own errors, the same form.
    async fn answer(&self, routes: &impl Endpoint<Output = Response>, mut request: Request) -> Response {
        let started = Instant::now();
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let peer = request.remote_addr().as_socket_addr().map(SocketAddr::ip);
        let peer = peer.expect("every listener is a TCP listener");
        let route: Option<routes::Route> = *request.data().expect("the server finds the route");
        let is_health = route.is_some_and(routes::Route::is_health);
        let client = self.gate.client(peer, request.headers());
        let created = Created::default();
        request.extensions_mut().insert(created.clone());
        let (mut key, mut is_granted, mut share) = (None, false, None);
        let outcome = async {
            // Health is open to everybody and without a rate: a busy client must not make the service seem dead.
            if !is_health {
                let (caller, access) = self.gate.admit(peer, request.uri(), request.headers())?;
                key = access.key_name();
                is_granted = access.is_granted();
                request.extensions_mut().insert(access);
                let mut limits = self.body_limits;
                let kind = match route {
                    Some(route) if route.is_of_set() => {
                        limits.bytes = self.max_set_bytes;
                        ShareKind::Set
                    }
                    Some(route) if !route.reads(&method) => ShareKind::Write,
                    _ => ShareKind::Read,
                };
                request.extensions_mut().insert(limits);
                request.extensions_mut().insert(share.insert(self.budget.share(kind, caller)).clone());
                media_type::check_accept(request.headers())?;
                if !self.replica.has_started() && !route.is_some_and(routes::Route::is_documentation) {
                    return Err(ApiError::loading().into());
                }
            }
            // A second more than the time for a body: a slow body gets an own error.
            match tokio::time::timeout(self.body_limits.time + Duration::from_secs(1), routes.call(request)).await {
                Ok(outcome) => outcome,
                Err(_) => Err(ApiError::out_of_time().into()),
            }
        };
        let mut response = match outcome.await {
            Ok(response) => response,
            Err(error) => api_error(&error, method.as_str(), &path, route).as_response(),
        };
        // All requests for a file of the documentation share the file's bytes.
        if let Some(share) = share.filter(|_| !route.is_some_and(routes::Route::is_documentation)) {
            response = share.charge(response).await;
        }
        let (status, micros) = (response.status().as_u16(), started.elapsed().as_micros() as u64);
        let (method, path, id) = (visible(method.as_str()), visible(&path), created.0.get().map(display));
        if is_health {
            tracing::debug!(method, path, status, micros, %client, "management request");
        } else if is_granted || self.gate.lines.has_room() {
            tracing::info!(method, path, status, micros, %client, key, id, "management request");
        }
        response
    }
}

fn documented(api: impl OpenApi + 'static, shared_listener: bool, has_keys: bool) -> BoxEndpoint<'static, Response> {
    let service = docs::service(api);
    let documentation = Documentation::of(&service, shared_listener, has_keys);
    let page = docs::page(documentation.page);
    let json = docs::file("application/json", documentation.json);
    let yaml = docs::file("application/yaml", documentation.yaml);
    let mock_file = serde_json::to_string_pretty(&docs::mock_file_schema()).expect("a schema is JSON");
    let mock_file = docs::file("application/schema+json", mock_file);
    Route::new()
        .nest_no_strip("/", service)
        .at("/-/docs", poem::get(page))
        .at("/-/openapi.json", poem::get(json))
        .at("/-/openapi.yaml", poem::get(yaml))
        .at(routes::MOCK_FILE_SCHEMA, poem::get(mock_file))
        .map_to_response()
        .boxed()
}

fn api_error(error: &poem::Error, method: &str, path: &str, route: Option<routes::Route>) -> ApiError {
    let allowed = route.map(|route| route.allowed);
    if let Some(error) = error.downcast_ref::<ApiError>() {
        error.clone()
    } else if let (true, Some(allowed)) = (error.is::<MethodNotAllowedError>(), allowed) {
        ApiError::method_not_allowed(method, path, allowed)
    } else if let (true, Some(id)) = (error.is::<ParsePathError>(), routes::Route::id_in(path)) {
        ApiError::endpoint_not_found(id)
    } else if error.is::<NotFoundError>() || error.is::<ParsePathError>() {
        // A remaining `ParsePathError` is about an escape outside of UTF-8.
        ApiError::route_not_found(path)
    } else {
        tracing::error!(error = visible(&error.to_string()), "an unexpected error of the HTTP framework");
        ApiError::internal()
    }
}
