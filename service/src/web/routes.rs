//! The paths of management.

use http::Method;

/// A route of management, known before any handler runs. Used for `Allow` and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// A value of small cardinality for `http.route`.
    pub template: &'static str,
    /// The methods, for `Allow`.
    pub allowed: &'static str,
}

const ROUTES: [Route; 13] = [
    Route { template: "/endpoints", allowed: "GET, HEAD, POST, DELETE" },
    Route { template: ENDPOINT, allowed: "GET, HEAD, PATCH, DELETE" },
    Route { template: DOCS, allowed: "GET, HEAD" },
    Route { template: "/-/openapi.json", allowed: "GET, HEAD" },
    Route { template: "/-/openapi.yaml", allowed: "GET, HEAD" },
    Route { template: MOCK_FILE_SCHEMA, allowed: "GET, HEAD" },
    Route { template: "/-/live", allowed: "GET, HEAD" },
    Route { template: "/-/ready", allowed: "GET, HEAD" },
    Route { template: EXPLAIN, allowed: "POST" },
    Route { template: "/-/sets", allowed: "GET, HEAD" },
    Route { template: SET, allowed: "GET, HEAD, PUT, DELETE" },
    Route { template: "/-/store/raise", allowed: "POST" },
    Route { template: "/-/store/adopt", allowed: "POST" },
];
const ENDPOINT: &str = "/endpoints/{id}";
const SET: &str = "/-/sets/{name}";
const EXPLAIN: &str = "/-/explain";
/// The documentation page.
pub const DOCS: &str = "/-/docs";
/// The JSON Schema of mock files.
pub const MOCK_FILE_SCHEMA: &str = "/-/mock-file.schema.json";

impl Route {
    pub fn of(path: &str) -> Option<Self> {
        let is_part = |prefix| path.strip_prefix(prefix).is_some_and(|part| !part.is_empty() && !part.contains('/'));
        let parts = [("/endpoints/", ENDPOINT), ("/-/sets/", SET)];
        let template = parts.into_iter().find(|(prefix, _)| is_part(*prefix)).map_or(path, |(_, template)| template);
        ROUTES.into_iter().find(|route| route.template == template)
    }

    /// The id in the path of an endpoint, as the client sent it.
    pub fn id_in(path: &str) -> Option<&str> {
        path.strip_prefix("/endpoints/").filter(|id| !id.is_empty() && !id.contains('/'))
    }

    /// Whether a request or an answer holds a whole set.
    pub fn is_of_set(self) -> bool {
        self.template == SET
    }

    pub fn is_health(self) -> bool {
        ["/-/live", "/-/ready"].contains(&self.template)
    }

    /// Whether a request with this method changes nothing.
    pub fn reads(self, method: &Method) -> bool {
        method.is_safe() || self.template == EXPLAIN
    }

    pub fn is_documentation(self) -> bool {
        [DOCS, "/-/openapi.json", "/-/openapi.yaml", MOCK_FILE_SCHEMA].contains(&self.template)
    }
}

/// All operations of management, for hints. Each GET has a HEAD.
pub fn operations() -> impl Iterator<Item = String> {
    let of = |Route { template, allowed }: Route| {
        let methods = allowed.split(", ").filter(|method| *method != "HEAD");
        methods.map(move |method| format!("{method} {template}"))
    };
    ROUTES.into_iter().flat_map(of)
}

/// The path of management that differs from this path only by slashes.
pub fn meant(path: &str) -> Option<String> {
    let segments: Vec<_> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    Some(format!("/{}", segments.join("/"))).filter(|path| Route::of(path).is_some())
}

/// The canonical paths of [`is_reserved`], for the OpenAPI document.
pub const RESERVED: &str = "^(/endpoints(/|$)|/-/)";

/// Whether a canonical path belongs to management on a shared listener.
pub fn is_reserved(path: &str) -> bool {
    path == "/endpoints" || path.starts_with("/endpoints/") || path.starts_with("/-/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_reserved() {
        let described = regex::Regex::new(RESERVED).unwrap();
        for path in ["/endpoints", "/endpoints/", "/endpoints/1", "/endpoints/1/2", "/-/", "/-/docs", "/-/anything"] {
            assert!(is_reserved(path) && described.is_match(path), "{path}");
        }
        for path in ["/", "/-", "/endpoints-x", "/api/endpoints/5", "/Endpoints", "/endpoint"] {
            assert!(!is_reserved(path) && !described.is_match(path), "{path}");
        }
    }

    #[test]
    fn slashes_too_many_are_no_other_path() {
        for (path, expected) in [
            ("/endpoints/", "/endpoints"),
            ("//endpoints//", "/endpoints"),
            ("/endpoints//1/", "/endpoints/1"),
            ("/-/docs/", "/-/docs"),
        ] {
            assert_eq!(meant(path).as_deref(), Some(expected));
        }
        assert!(["/", "/-/", "/-/x/", "/endpoints/1/2/"].iter().all(|path| meant(path).is_none()));
    }

    #[test]
    fn each_route_is_found_by_its_template() {
        for path in
            ["/endpoints", "/endpoints/1", "/-/live", "/-/ready", "/-/docs", "/-/openapi.json", "/-/openapi.yaml"]
        {
            assert_eq!(Route::of(path).unwrap().template.replace("{id}", "1"), path);
        }
        assert!(["/endpoints/", "/endpoints/1/2", "/-/x", "/"].iter().all(|path| Route::of(path).is_none()));
    }
}
