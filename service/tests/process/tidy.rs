//! The invariants of ARCHITECTURE.md that a text search can check.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// All source files below a folder of the crate, with their paths.
fn sources(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join(folder)];
    let mut files: Vec<PathBuf> = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    assert!(!files.is_empty(), "{folder} holds no files");
    let name = |file: &PathBuf| file.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
    files.iter().map(|file| (name(file), fs::read_to_string(file).unwrap())).collect()
}

/// Fails if a word stands outside its allowed files, and names each place.
fn assert_only_in(allowed: &[&str], words: &[&str]) {
    let mut found_where_allowed = false;
    let mut strays = Vec::new();
    for (file, text) in sources("src") {
        let is_allowed = allowed.iter().any(|prefix| file.starts_with(prefix));
        for (number, line) in text.lines().enumerate().filter(|(_, line)| words.iter().any(|word| line.contains(word)))
        {
            found_where_allowed |= is_allowed;
            if !is_allowed {
                strays.push(format!("{file}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(strays.is_empty(), "{words:?} belong into {allowed:?} only:\n{}", strays.join("\n"));
    assert!(
        found_where_allowed || allowed.is_empty(),
        "{words:?} are nowhere in {allowed:?}: this test looks for the wrong words"
    );
}

/// The parts of the service, each below the parts that may import it. Parts of one line do not import each other.
const LAYERS: [&[&str]; 10] = [
    &["main", "signals"],
    &["app", "healthcheck", "store_command"],
    &["config"],
    &["server"],
    &["api", "mocks"],
    &["replica"],
    &["store"],
    &["http"],
    &["telemetry"],
    &["causes", "domain"],
];

/// The names after `crate::` in code, also those of `use crate::{…}`.
fn imports(text: &str) -> Vec<String> {
    let code = |line: &&str| !line.trim_start().starts_with("//");
    let text = text.lines().filter(code).collect::<Vec<_>>().join("\n");
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut names = Vec::new();
    for (at, _) in text.match_indices("crate::").chain(text.match_indices("echo_service::")) {
        let rest = text[at..].split_once("::").expect("it was found").1;
        let Some(list) = rest.strip_prefix('{') else {
            names.push(word(rest));
            continue;
        };
        // The first level of the list only.
        let (mut depth, mut is_first) = (0, true);
        for (at, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => is_first = true,
                _ if depth == 0 && is_first && c.is_alphanumeric() => {
                    names.push(word(&list[at..]));
                    is_first = false;
                }
                _ => {}
            }
        }
    }
    names
}

#[test]
fn each_part_imports_only_parts_below() {
    let layer = |part: &str| LAYERS.iter().position(|parts| parts.contains(&part));
    let mut strays = Vec::new();
    for (file, text) in sources("src") {
        let part = file.trim_start_matches("src/").split(['/', '.']).next().expect("a path has a part");
        if part == "lib" {
            continue;
        }
        let own = layer(part).unwrap_or_else(|| panic!("{file} is of no layer: add {part} to LAYERS"));
        let code = text.split("#[cfg(test)]").next().expect("a text has a beginning");
        for name in imports(code).into_iter().filter(|name| name != part) {
            // Names of another kind, such as macros, are of no layer.
            if layer(&name).is_some_and(|other| other <= own) {
                strays.push(format!("{file} imports {name}"));
            }
        }
    }
    assert!(strays.is_empty(), "{}", strays.join("\n"));
}

#[test]
fn lists_of_imports_are_read() {
    let text = "use crate::{\n    api::{Key, Token},\n    causes::causes,\n    store,\n};\nuse crate::mocks::Mocks;\n/// [`crate::api`]";
    assert_eq!(imports(text), ["api", "causes", "store", "mocks"]);
}

#[test]
fn the_domain_knows_nothing_of_servers_or_stores() {
    for (file, text) in sources("src/domain") {
        for word in ["poem", "hyper", "redb", "aws_", "tokio", "crate::api", "crate::store", "crate::server"] {
            assert!(!text.contains(word), "{file} names {word}");
        }
    }
}

#[test]
fn only_config_reads_the_environment() {
    assert_only_in(&["src/config/"], &["env::var", "env::vars"]);
}

#[test]
fn only_the_embedded_store_names_redb_and_only_app_chooses_it() {
    assert_only_in(&["src/store/embedded/"], &["redb::"]);
    assert_only_in(&["src/store/", "src/app.rs"], &["EmbeddedStore"]);
}

#[test]
fn only_one_store_names_the_aws_sdk_and_only_app_chooses_it() {
    assert_only_in(&["src/store/dynamodb/"], &["aws_config", "aws_sdk", "aws_smithy"]);
    assert_only_in(&["src/store/", "src/app.rs"], &["DynamoStore"]);
}

#[test]
fn only_telemetry_makes_providers() {
    assert_only_in(&["src/telemetry/"], &["MeterProvider", "TracerProvider", "opentelemetry_otlp"]);
}

#[test]
fn only_one_file_knows_the_status_of_a_refusal() {
    // Health has an answer type of its own, built on the same file.
    assert_only_in(
        &["src/http/problem.rs"],
        &["StatusCode::CONFLICT", "StatusCode::UNPROCESSABLE_ENTITY", "StatusCode::NOT_FOUND"],
    );
}

#[test]
fn files_have_at_most_330_lines() {
    for folder in ["src", "tests"] {
        for (file, text) in sources(folder) {
            let lines = text.lines().count();
            assert!(lines <= 330, "{file} has {lines} lines: split it by subject");
        }
    }
}
