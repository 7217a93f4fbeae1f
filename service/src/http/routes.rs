//! The paths of management.

/// A route of management, known before any handler runs. Used for `Allow` and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    Endpoints,
    Endpoint,
    Live,
    Ready,
    StoreRaise,
    StoreAdopt,
    Docs,
    OpenApiJson,
    OpenApiYaml,
}

/// Each route with its template and its methods, in the order of [`Route`].
const ROUTES: [(Route, &str, &str); 9] = [
    (Route::Endpoints, "/endpoints", "GET, HEAD, POST"),
    (Route::Endpoint, "/endpoints/{id}", "GET, HEAD, PATCH, DELETE"),
    (Route::Live, "/-/live", "GET, HEAD"),
    (Route::Ready, "/-/ready", "GET, HEAD"),
    (Route::StoreRaise, "/-/store/raise", "POST"),
    (Route::StoreAdopt, "/-/store/adopt", "POST"),
    (Route::Docs, "/-/docs", "GET, HEAD"),
    (Route::OpenApiJson, "/-/openapi.json", "GET, HEAD"),
    (Route::OpenApiYaml, "/-/openapi.yaml", "GET, HEAD"),
];

impl Route {
    pub fn of(path: &str) -> Option<Self> {
        let template = Self::id_in(path).map_or(path, |_| Self::Endpoint.template());
        ROUTES.iter().find(|(_, known, _)| *known == template).map(|(route, ..)| *route)
    }

    /// The id in the path of an endpoint, as the client sent it.
    pub fn id_in(path: &str) -> Option<&str> {
        path.strip_prefix("/endpoints/").filter(|id| !id.is_empty() && !id.contains('/'))
    }

    /// The route as a template, a value of small cardinality for `http.route`.
    pub const fn template(self) -> &'static str {
        ROUTES[self as usize].1
    }

    /// The methods of the route, for `Allow`.
    pub const fn allowed(self) -> &'static str {
        ROUTES[self as usize].2
    }

    pub const fn is_health(self) -> bool {
        matches!(self, Self::Live | Self::Ready)
    }

    pub const fn is_documentation(self) -> bool {
        matches!(self, Self::Docs | Self::OpenApiJson | Self::OpenApiYaml)
    }
}

/// All paths of management, for hints.
pub const LIST: &str = "`/endpoints`, `/endpoints/{id}`, `/-/docs`, `/-/openapi.json`, `/-/openapi.yaml`, `/-/live`, `/-/ready`, \
                        `/-/store/raise` and `/-/store/adopt`";

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
    fn the_list_is_that_of_the_routes() {
        let routes: Vec<_> =
            LIST.split('`').skip(1).step_by(2).map(|path| Route::of(path).unwrap().template()).collect();
        assert_eq!(LIST.split('`').skip(1).step_by(2).collect::<Vec<_>>(), routes);
        assert_eq!(routes.len(), Route::OpenApiYaml as usize + 1);
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
            let template = Route::of(path).unwrap().template();
            assert_eq!(template.replace("{id}", "1"), path);
        }
        assert!(["/endpoints/", "/endpoints/1/2", "/-/x", "/"].iter().all(|path| Route::of(path).is_none()));
    }
}
