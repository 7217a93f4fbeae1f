//! The checker's own rules: which of several mocks answers, and histories that are right or wrong.

use super::history::{
    Checker, History,
    Kind::{self, Call, Create, Delete, Move, Patch, Read},
    Operation,
    Outcome::{self, Done, Refused, Unknown},
};

/// An operation after all earlier ones. The mock has the name of its first route.
type Step = (Kind, &'static str, &'static str, &'static str, Outcome);

fn is_right(steps: &[Step]) -> bool {
    let operation = |(number, (kind, mock, route, value, outcome)): (usize, &Step)| Operation {
        client: 0,
        route: (*route).into(),
        kind: *kind,
        mock: (*mock).into(),
        value: (*value).into(),
        outcome: *outcome,
        call: 2 * number as u64,
        r#return: 2 * number as u64 + 1,
    };
    let operations = steps.iter().enumerate().map(operation).collect();
    let why = Checker::start().judge(&History { name: "by hand".into(), operations });
    assert!(why.as_ref().is_none_or(|why| why.starts_with("not linearizable")), "{why:?}");
    why.is_none()
}

const fn creation(route: &'static str) -> Step {
    (Create, route, route, route, Done)
}

const fn call(route: &'static str, value: &'static str) -> Step {
    (Call, "", route, value, Done)
}

#[test]
fn the_first_mock_that_fits_answers() {
    // The mocks from the first to the last, and the number of those that fit.
    for (request, mocks, fitting) in [
        ("GET /a/b", &["GET /a/b", "GET /a/{x}", "GET /a/{*x}", "GET /{x}/b", "GET /{x}/{y}", "GET /{*x}"][..], 6),
        ("GET /a/b", &["ANY /{*x} 2", "GET /a/b 1", "GET /a/b", "ANY /a/b", "GET /a/{x}", "GET /a/b -1"], 6),
        ("GET /a/b", &["GET /a/{x}", "ANY /a/{y}", "GET /{x}/b", "ANY /{*all}", "GET /{*x} -5"], 5),
        ("GET /a/b", &["GET /a", "GET /a/b/", "GET /a/b/{x}", "GET /{x}", "POST /a/b", "GET /a/b/{*x}"], 0),
        ("GET /a/", &["GET /a/", "GET /a/{*x}", "GET /{*x}", "GET /a/{x}", "GET /{x}"], 3),
        ("GET /a", &["GET /{x}", "GET /{*x}", "GET /a/{*x}", "GET /{x}/{*y}"], 2),
        ("GET /", &["GET /{*x}", "GET /{x}"], 1),
        ("POST /a/b/c", &["ANY /a/{x}/c", "POST /a/{x}/{y}", "POST /a/{*x}", "GET /a/b/c"], 3),
    ] {
        for first in 0..mocks.len() {
            let creations: Vec<_> = mocks[first..].iter().rev().copied().map(creation).collect();
            for answer in mocks[first..].iter().copied().chain([""]) {
                let steps = [&creations[..], &[call(request, answer)]].concat();
                let expected = if first < fitting { mocks[first] } else { "" };
                assert_eq!(is_right(&steps), answer == expected, "{request} of {:?} gets {answer}", &mocks[first..]);
            }
        }
    }
}

#[test]
fn histories_of_overlapping_mocks_are_right_or_wrong() {
    const MANY: &str = "GET /0/{x}";
    const ONE: &str = "GET /0/a";
    const MOVED: &str = "GET /0/{y} 1";
    let both = [creation(MANY), creation(ONE)];
    for (is_right, more) in [
        (true, &[call(ONE, ONE), (Read, "", "GET /0/{other}", MANY, Done)][..]),
        (false, &[call(ONE, MANY)]),
        (false, &[(Read, "", ONE, MANY, Done)]),
        // Names of parameters do not count.
        (true, &[(Create, "new", "GET /0/{y}", "new", Refused)]),
        (false, &[(Create, "new", "GET /0/{y}", "new", Done)]),
        (false, &[(Create, "new", "ANY /0/{y}", "new", Refused)]),
        (false, &[(Create, "new", MOVED, "new", Refused)]),
        // A hidden mock is changed, revealed and hidden again.
        (true, &[(Patch, MANY, MANY, "new", Done), (Delete, ONE, ONE, "", Done), call(ONE, "new")]),
        (false, &[(Patch, MANY, MANY, "new", Done), (Delete, ONE, ONE, "", Done), call(ONE, MANY)]),
        (false, &[(Delete, ONE, ONE, "", Done), call(ONE, ONE)]),
        (true, &[(Move, MANY, MOVED, "new", Done), call(ONE, "new"), (Read, "", MANY, "", Done)]),
        (false, &[(Move, MANY, MOVED, "new", Done), call(ONE, ONE)]),
        (true, &[(Move, MANY, MOVED, "new", Unknown), call(ONE, ONE), call(ONE, "new")]),
        (false, &[(Move, MANY, MOVED, "new", Unknown), call(ONE, "new"), call(ONE, ONE)]),
        (
            true,
            &[
                (Create, "new", "GET /0/c", "new", Unknown),
                (Patch, "new", "GET /0/c", "newer", Unknown),
                call("GET /0/c", "newer"),
            ],
        ),
        (false, &[(Move, MANY, ONE, "new", Done)]),
        (true, &[(Move, MANY, ONE, "new", Refused)]),
        // Moves to other groups, and mocks of several groups.
        (true, &[(Move, ONE, "GET /1/a", "new", Done), call(ONE, MANY), call("GET /1/a", "new")]),
        (false, &[(Move, ONE, "GET /1/a", "new", Done), call(ONE, ONE), call("GET /1/a", "new")]),
        (true, &[creation("GET /{*all}"), call(ONE, ONE), call("GET /1/a", "GET /{*all}")]),
        (false, &[creation("GET /{*all}"), call("GET /1/a", "")]),
    ] {
        assert_eq!(self::is_right(&[&both[..], more].concat()), is_right, "{more:?}");
    }
}
