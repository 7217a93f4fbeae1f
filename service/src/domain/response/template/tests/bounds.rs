//! Templates that try to take all time, memory or stack.

use std::{thread, time::Instant};

use http::HeaderMap;
use serde_json::json;

use super::{
    super::{Call, Content, MAX_RENDERED_BYTES, Payload, Rendered},
    template,
};
use crate::domain::{Body, Verb};

/// A template that is refused or fails soon, on a small stack, within a little memory.
fn ends_soon(text: String) {
    let begin = Instant::now();
    let shown: String = text.chars().take(80).collect();
    let ended = thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(move || {
        let json =
            json!({"list": vec![json!([[1, 2], "x"]); 2_000], "same": vec![json!([[1, 2], "x"]); 2_000]}).to_string();
        if let Ok(text) = Body::parse(text)
            && let Ok(made) = template(&Payload::Body(text), &[])
        {
            let headers = HeaderMap::new();
            let body = Some(Content::Whole(json.as_bytes()));
            let call = Call { verb: Verb::parse("GET").unwrap(), path: "/", query: "", headers: &headers, body };
            if let Ok(Rendered { body: Some(body), .. }) = made.render(&call, "/") {
                assert!(body.len() <= MAX_RENDERED_BYTES);
            }
        }
    });
    ended.unwrap().join().unwrap();
    // Far more than a template takes, because tests are not optimized and run beside others.
    assert!(begin.elapsed().as_secs() < 20, "{shown}: {:?}", begin.elapsed());
}

#[test]
fn no_template_is_too_deep_for_the_stack() {
    for many in [200, 2_000, 20_000] {
        let of = |begin: &str, step: &str, end: &str| format!("{begin}{}{end}", step.repeat(many));
        for text in [
            of("{{ ", "-", "1 }}"),
            of("{{ ", "not ", "1 }}"),
            of("{{ request.json", ".a", " }}"),
            of("{{ 1", " + request.verb", " }}"),
            of("{{ request", "|d", " }}"),
            of("{{ 1", " if 1 else 1", " }}"),
            of("{{ 1", " and 1", " }}"),
            of("{% if 1 %}", "{% elif 1 %}", "{% endif %}"),
            of("{{ ", "(", "1 }}"),
            of("{% set x = [1] %}", "{% set x = [x] %}", "{{ x }}{{ x == [x] }}"),
            of("{% set x = [1] %}", "{% set x = [[[[[[[[[[x]]]]]]]]]] %}", "{{ x | tojson }}"),
            of("{% set x = {} %}", "{% set x = {1: x} %}", "{{ x }}"),
            of("{% set x = request.json.list", "[0:]", " %}{{ x | length }}"),
            of("{% set x = request.json.list %}", "{% set x = x | reverse %}", "{{ x }}"),
            of("", "{% if 1 %}", ""),
            of("", "{% for x in [1] %}", ""),
            of("", "{% filter upper %}", ""),
        ] {
            ends_soon(text);
        }
    }
    ends_soon("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}".into());
    ends_soon("{% for x in [1] recursive %}{{ loop([[x, x]]) }}{% endfor %}".into());
}

#[test]
fn no_template_takes_unbounded_time_or_memory() {
    let large = "{% set l = request.json.list %}{% set m = request.json.same %}{% set s = 'abc' * 100000 %}";
    for step in [
        "{{ 'x' * 10**9 }}",
        "{{ 10**9 * 'x' }}",
        "{{ [1] * 10**8 }}",
        "{{ [1] * 10**8 == [1] * 10**8 }}",
        "{{ ([1] * 10**8) ~ '' }}",
        "{{ 10**8 * ([1]) < 10**8 * ([1]) }}",
        "{% if 2 in [1] * 10**8 %}{% endif %}",
        "{% autoescape [1] * 10**8 == [1] * 10**8 %}{% endautoescape %}",
        "{{ (1, 2) * 10**8 == (1, 2) * 10**8 }}",
        "{{ {'a': [1]} * 10**8 }}",
        "{{ ('x' * 1000) * 1000 * 1000 * 1000 }}",
        "{% set x = [1] %}{{ x * 10**8 == x * 10**8 }}",
        "{{ ('x' * 1000000) | upper | upper | upper | length }}",
        "{{ range(10**9) | length }}",
        "{{ range(99999) | list | length }}",
        "{{ '%999999999d' | format(1) }}",
        "{{ '%.999999999f' | format(1) }}",
        "{{ 'x' | indent(999999999) | length }}",
        "{{ ('x\n' * 1000) | indent(100000) | length }}",
        "{{ range(99999) | join('x' * 100000) | length }}",
        "{{ ('x' * 100000) | replace('', 'x' * 100000) | length }}",
        "{{ range(1) | batch(999999999, 'x') | list | length }}",
        "{{ 9**9**9 }}",
        "{{ 2**127 * 2**127 }}",
        "{{ (-9223372036854775807 - 1) // -1 }}",
        "{{ 'x'[0:10**18:10**18] }}{{ 'x'[-10**18:] }}",
        "{{ s ~ s ~ s ~ s ~ s ~ s ~ s ~ s ~ s ~ s ~ s ~ s }}",
        "{{ l | upper | length }}{{ l | string | length }}",
        "{{ l == m }}",
        "{{ l < m }}",
        "{{ m in l }}{{ l in m }}",
        "{{ l[l] }}{{ {'a': 1}[l] }}",
        "{{ l is startingwith('x') }}",
        "{{ choice(l) | length }}",
        "{{ l | tojson | length }}",
        "{{ l | sort | length }}{{ l | unique | length }}",
        "{{ l | map('string') | list | length }}",
        "{{ l | select('eq', m) | list | length }}",
        "{{ l ~ '' }}",
        "{{ l[0:] | length }}{{ l[-1] }}",
    ] {
        ends_soon(format!("{large}{step}"));
        ends_soon(format!("{large}{{% for i in range(99999) %}}{step}{{% endfor %}}"));
    }
    // A list that holds itself twice, again and again, is small, but its text is not.
    for list in [
        "[x, x, x, x]",
        "x + x",
        "{1: x, 2: x}",
        "(x, x)",
        "x * 1000",
        "x | map('default', x, true) | list",
        "[none, none, none] | map('default', x, true) | list",
    ] {
        for end in ["{{ x }}", "{{ x | upper | length }}", "{{ x ~ x }}", "{{ x[-1] == x }}", "{{ x | tojson }}"] {
            ends_soon(format!("{{% set x = [1] %}}{}{end}", format!("{{% set x = {list} %}}").repeat(40)));
        }
    }
    ends_soon("{{ request.verb }}".repeat(14_000));
    ends_soon("{% set x = 'x' * 100000 %}".to_owned() + &"{{ x }}".repeat(30));
}
