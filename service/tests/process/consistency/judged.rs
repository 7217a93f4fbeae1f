//! The checker's own rules: which of several mocks answers, and histories that are right or wrong.

use super::history::{
    Checker, History, Item,
    Kind::{self, Call, Create, Delete, Explain, Join, Move, Patch, Put, Read, Show},
    Operation,
    Outcome::{self, Done, Refused, Unknown},
};

/// An operation after all earlier ones. The mock has the name of its first route. The value of a mock with turns ends
/// with the turns, as in `new|3 last`.
type Step = (Kind, &'static str, &'static str, &'static str, Outcome);

/// Each id is greater than the ids before.
fn operations(steps: &[Step]) -> Vec<Operation> {
    let operation = |(number, (kind, mock, route, value, outcome)): (usize, &Step)| {
        let (value, turns) = value.split_once('|').unwrap_or((value, ""));
        Operation {
            client: 0,
            route: (*route).into(),
            kind: *kind,
            mock: (*mock).into(),
            value: value.into(),
            turns: turns.into(),
            set: String::new(),
            list: Vec::new(),
            id: if *kind == Create { format!("{number:02}") } else { String::new() },
            outcome: *outcome,
            call: 2 * number as u64,
            r#return: 2 * number as u64 + 1,
        }
    };
    steps.iter().enumerate().map(operation).collect()
}

fn judge(operations: Vec<Operation>) -> Option<String> {
    Checker::start().judge(&History { name: "by hand".into(), operations })
}

fn is_right(steps: &[Step]) -> bool {
    let why = judge(operations(steps));
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
        // More tests, and then the mock created last.
        (
            "GET /a/b k=2&x-k=1&k=1",
            &["GET /a/b k=1&x-k=1", "GET /a/b k=2", "GET /a/b x-k=1", "GET /a/b k=1", "GET /a/b", "ANY /a/b x-k=1&k=1"],
            6,
        ),
        ("GET /a/b k=1", &["ANY /{*x} 1", "GET /a/b", "GET /a/{x} k=1", "GET /a/{x}", "GET /a/b -1 k=1"], 5),
        ("GET /a/b k=11&k=2", &["GET /a/b k=1", "GET /a/b k=2&k2=2", "GET /a/b 5 x-k=2", "POST /a/b k=2"], 0),
    ] {
        for first in 0..mocks.len() {
            let creations: Vec<_> = mocks[first..].iter().rev().copied().map(creation).collect();
            for answer in mocks[first..].iter().copied().chain([""]) {
                // An explanation names the mock, which has the name of its response.
                let question =
                    if first % 2 == 0 { call(request, answer) } else { (Explain, answer, request, "", Done) };
                let steps = [&creations[..], &[question]].concat();
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

const PLAIN: &str = "GET /0/a";
const ONE: &str = "GET /0/a k=1";
const TWO: &str = "GET /0/a k=2";
const BOTH: &str = "GET /0/a k=1&k=2";

#[test]
fn histories_of_mocks_with_tests_are_right_or_wrong() {
    let all = [creation(PLAIN), creation(ONE), creation(TWO)];
    for (is_right, more) in [
        (true, &[call(PLAIN, PLAIN), call(ONE, ONE), call(TWO, TWO), call(BOTH, TWO)][..]),
        (false, &[call(BOTH, ONE)]),
        (false, &[call(BOTH, PLAIN)]),
        (false, &[call(PLAIN, ONE)]),
        (true, &[(Read, "", PLAIN, PLAIN, Done), (Read, "", ONE, ONE, Done), (Read, "", "GET /0/a k=3", "", Done)]),
        (true, &[(Create, "new", TWO, "new", Refused), (Create, "new", "GET /0/a k=3", "new", Done)]),
        (false, &[(Create, "new", TWO, "new", Done)]),
        // A change keeps the id.
        (true, &[(Patch, ONE, ONE, "new", Done), call(BOTH, TWO), (Delete, TWO, TWO, "", Done), call(BOTH, "new")]),
        (false, &[(Patch, ONE, ONE, "new", Done), call(BOTH, "new")]),
        (true, &[(Move, TWO, "GET /0/a k=3", "new", Done), call(BOTH, ONE), call("GET /0/a k=3", "new")]),
        (true, &[(Move, ONE, "GET /0/a k=1&x-k=1", "new", Done), call("GET /0/a k=1&x-k=1&k=2", "new")]),
        (true, &[(Move, PLAIN, "GET /0/a k=3", "new", Done), call("GET /0/a k=3&k=2", TWO), call(PLAIN, "")]),
        (false, &[(Move, PLAIN, "GET /0/a k=3", "new", Done), call("GET /0/a k=3&k=2", "new")]),
        (false, &[(Move, ONE, TWO, "new", Done)]),
        (true, &[(Move, ONE, PLAIN, "new", Refused)]),
    ] {
        assert_eq!(self::is_right(&[&all[..], more].concat()), is_right, "{more:?}");
    }
}

#[test]
fn a_new_mock_with_tests_has_the_greatest_id() {
    // The last creation gets the first id. Perhaps its request comes before the acknowledgement of the step before.
    for (is_right, steps, is_early) in [
        (false, &[creation(ONE), creation(TWO)][..], false),
        (false, &[creation("PUT /1"), call(ONE, ""), creation(TWO)], false),
        (true, &[creation(ONE), creation(TWO)], true),
        (true, &[creation(ONE), creation(PLAIN)], false),
        (true, &[creation("PUT /1"), (Delete, "PUT /1", "PUT /1", "", Done), creation(TWO)], false),
        (true, &[(Create, ONE, ONE, ONE, Unknown), creation(TWO)], false),
    ] {
        let mut operations = operations(steps);
        let last = operations.last_mut().unwrap();
        (last.id, last.call) = ("00".into(), last.call - if is_early { 2 } else { 0 });
        let why = judge(operations);
        assert!(why.as_ref().is_none_or(|why| why.starts_with("an id is too small")), "{why:?}");
        assert_eq!(why.is_none(), is_right, "{steps:?} {is_early}");
    }
    // An id that no answer has shown may be any id.
    let steps = [(Create, ONE, ONE, ONE, Unknown), creation(TWO), (Read, "", ONE, ONE, Done), call(BOTH, ONE)];
    for (id, is_right) in [("", true), ("02", true), ("00", false)] {
        for shown_by in [0, 2] {
            let mut operations = operations(&steps);
            operations[0].id.clear();
            operations[shown_by].id = id.into();
            assert_eq!(judge(operations).is_none(), is_right, "{id} shown by {shown_by}");
        }
    }
}

#[test]
fn histories_of_mocks_with_turns_are_right_or_wrong() {
    let take = |value| call(PLAIN, value);
    let lost = (Call, "", PLAIN, "", Unknown);
    let tested = "GET /0/a k=1";
    let lost_where_tested = (Call, "", tested, "", Unknown);
    let explained = |mock| (Explain, mock, PLAIN, "", Done);
    for (turns, is_right, more) in [
        ("v|2 last", true, &[take("v#1"), take("v#2"), take("v#2"), explained(PLAIN)][..]),
        ("v|2 last", false, &[take("v#2")]),
        ("v|2 last", false, &[take("v#1"), take("v#1")]),
        ("v|2 last", false, &[take("v#1"), take("v#2"), take("v#1")]),
        ("v|2 repeat", true, &[take("v#1"), take("v#2"), take("v#1"), take("v#2")]),
        ("v|2 repeat", false, &[take("v#1"), take("v#2"), take("v#2")]),
        ("v|2 none", true, &[take("v#1"), explained(PLAIN), take("v#2"), take("w"), take("w"), explained("w")]),
        ("v|2 none", false, &[take("v#1"), take("v#2"), take("v#2")]),
        ("v|2 none", false, &[take("v#1"), take("w")]),
        ("v|2 none", false, &[take("v#1"), take("v#2"), explained(PLAIN)]),
        // A lost answer may have used a turn, and not two.
        ("v|3 last", true, &[lost, take("v#1"), take("v#3")]),
        ("v|3 last", true, &[lost, take("v#2"), take("v#3")]),
        ("v|3 last", false, &[lost, take("v#3")]),
        ("v|3 last", true, &[lost, lost, take("v#3")]),
        ("v|3 last", false, &[take("v#1"), take("v#3")]),
        ("v", true, &[lost, take("v"), take("v")]),
        // The store takes a lost turn late, after another mock has begun to answer such a call.
        ("v|3 last", true, &[lost_where_tested, creation(tested), take("v#1"), take("v#3")]),
        ("v|3 last", false, &[creation(tested), lost_where_tested, take("v#1"), take("v#3")]),
        (
            "v|3 last",
            false,
            &[lost_where_tested, creation(tested), (Patch, PLAIN, PLAIN, "x|3 last", Done), take("x#2")],
        ),
        // Every change begins anew.
        ("v|2 last", true, &[take("v#1"), (Patch, PLAIN, PLAIN, "x|2 last", Done), take("x#1"), take("x#2")]),
        ("v|2 last", false, &[take("v#1"), (Patch, PLAIN, PLAIN, "x|2 last", Done), take("x#2")]),
        ("v|2 last", true, &[take("v#1"), (Patch, PLAIN, PLAIN, "x", Done), take("x"), (Read, "", PLAIN, "x", Done)]),
        ("v|2 last", true, &[take("v#1"), (Patch, PLAIN, PLAIN, "x|2 last", Unknown), take("v#2"), take("x#1")]),
        ("v|2 last", false, &[take("v#1"), (Patch, PLAIN, PLAIN, "x|2 last", Unknown), take("x#1"), take("v#2")]),
        ("v|1 none", true, &[take("v#1"), (Patch, PLAIN, PLAIN, "x", Unknown), explained("w"), explained(PLAIN)]),
        ("v|1 none", false, &[take("v#1"), (Patch, PLAIN, PLAIN, "x", Unknown), explained(PLAIN), take("w")]),
    ] {
        let mocks = [(Create, "w", "GET /0/{x}", "w", Done), (Create, PLAIN, PLAIN, turns, Done)];
        assert_eq!(self::is_right(&[&mocks[..], more].concat()), is_right, "{turns}: {more:?}");
    }
    // Calls at the same time take their turns in any order.
    let steps = [(Create, PLAIN, PLAIN, "v|2 last", Done), take("v#2"), take("v#1")];
    for is_at_once in [true, false] {
        let mut operations = operations(&steps);
        operations[2].call -= if is_at_once { 2 } else { 0 };
        assert_eq!(judge(operations).is_none(), is_at_once);
    }
}

#[test]
fn histories_of_sets_are_right_or_wrong() {
    const OTHER: &str = "GET /0/b";
    const THIRD: &str = "GET /0/c";
    let put = |list: &'static str, outcome| (Put, "", PLAIN, list, outcome);
    let shown = |values| (Show, "", PLAIN, values, Done);
    let first = put("GET /0/a=1,GET /0/b=2", Done);
    for (is_right, more) in [
        (true, &[shown("1,2"), call(PLAIN, "1"), call(OTHER, "2"), call(THIRD, "")][..]),
        (false, &[shown("1")]),
        (true, &[put("GET /0/b=3", Done), shown("3"), call(PLAIN, ""), call(OTHER, "3")]),
        // The union of two lists.
        (false, &[put("GET /0/c=3", Done), shown("1,2,3")]),
        (false, &[put("GET /0/c=3", Done), call(PLAIN, "1")]),
        // A mock keeps its name.
        (true, &[put("GET /0/b=3", Done), (Patch, "2", OTHER, "4", Done), shown("4"), call(OTHER, "4")]),
        (true, &[put("GET /0/b=3", Unknown), shown("1,2"), shown("3")]),
        (false, &[put("GET /0/b=3", Unknown), shown("3"), shown("1,2")]),
        // A mock outside of the set.
        (true, &[creation(THIRD), put("GET /0/c=3", Refused), shown("1,2")]),
        (false, &[creation(THIRD), put("GET /0/c=3", Done)]),
        (false, &[put("GET /0/c=3", Refused)]),
        (true, &[(Join, "1", PLAIN, "5", Done), shown("2"), put("GET /0/a=3", Refused), call(PLAIN, "5")]),
        (true, &[put("", Done), shown(""), call(PLAIN, "")]),
    ] {
        let mut operations = operations(&[&[first][..], more].concat());
        for operation in &mut operations {
            if operation.kind == Put {
                let items = operation.value.split_terminator(',').map(|item| item.rsplit_once('=').unwrap());
                operation.list =
                    items.map(|(route, value)| Item { route: route.into(), value: value.into() }).collect();
                operation.value.clear();
            }
            if matches!(operation.kind, Put | Show) {
                operation.set = "set".into();
            }
        }
        let why = judge(operations);
        assert!(why.as_ref().is_none_or(|why| why.starts_with("not linearizable")), "{why:?}");
        assert_eq!(why.is_none(), is_right, "{more:?}");
    }
}
