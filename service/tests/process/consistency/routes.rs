//! Routes whose mocks fit the same requests. Each group has the request `GET /GROUP/a`.

use echo_service::domain::{Priority, Route, Verb};
use rand::{Rng, rngs::StdRng};

/// The path of a group's requests.
pub fn path(group: usize) -> String {
    format!("/{group}/a")
}

/// The request of a group, and the route of a mock that needs no new format.
pub fn plain(group: usize) -> String {
    format!("{} {}", Verb::Get, path(group))
}

/// A route that fits the group's request. About half of the routes are plain.
pub fn overlapping(group: usize, random: &mut StdRng) -> String {
    let kinds = [("ANY", "a"), ("GET", "{x}"), ("ANY", "{x}"), ("GET", "{*rest}"), ("GET", "a")];
    let (verb, rest) = kinds[random.random_range(0..9_usize).min(kinds.len() - 1)];
    let priority = if random.random_bool(0.25) { " 1" } else { "" };
    format!("{verb} /{group}/{rest}{priority}")
}

/// As in a history: verb, path, and a priority other than 0.
pub fn text(route: &Route) -> String {
    let Route { verb, path, priority } = route;
    if *priority == Priority::default() {
        format!("{verb} {path}")
    } else {
        format!("{verb} {path} {}", priority.get())
    }
}

/// Reads a [`text`].
pub fn route(text: &str) -> Route {
    Route::of_claim(text).expect("a route")
}
