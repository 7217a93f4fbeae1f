//! The invariants of ARCHITECTURE.md that a text search can check.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// All source files below a folder of the crate, with their paths.
pub fn sources(folder: &str) -> Vec<(String, String)> {
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
        &["src/web/problem.rs"],
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
