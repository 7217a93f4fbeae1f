//! The imports of the service: each part imports only parts below it, and the files of a folder import each other in
//! one direction only.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use crate::tidy::sources;

/// The parts, each below the parts that may import it. Parts of one line do not import each other.
const LAYERS: [&[&str]; 11] = [
    &["main", "signals"],
    &["app", "commands", "healthcheck"],
    &["config"],
    &["file_sets", "server"],
    &["api", "mocks"],
    &["replica"],
    &["store"],
    &["files", "web"],
    &["telemetry"],
    &["yaml"],
    &["causes", "domain"],
];

/// The rows of the map in ARCHITECTURE.md: parts, and the parts and crates that they do not import.
fn map() -> Vec<(Vec<String>, Vec<String>)> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ARCHITECTURE.md");
    let page = fs::read_to_string(page).unwrap();
    let (_, rows) = page.split_once("| place | holds | does not import |\n| --- | --- | --- |\n").unwrap();
    let name = |name: &str| name.trim_end_matches('/').trim_end_matches(".rs").to_owned();
    let names = |cell: &str| cell.split('`').skip(1).step_by(2).map(name).collect();
    let cells = |row: &str| row.split('|').map(names).collect::<Vec<_>>();
    rows.lines()
        .map_while(|row| row.starts_with('|').then(|| cells(row)))
        .map(|mut row| (row.remove(1), row.remove(2)))
        .collect()
}

/// The path of a file as a module: `src/api/access.rs` is `["api", "access"]`.
fn module(file: &str) -> Vec<&str> {
    let path = file.trim_start_matches("src/").trim_end_matches(".rs");
    path.trim_end_matches("/mod").split('/').collect()
}

/// The code without comments and unit tests.
fn code(text: &str) -> String {
    let text = text.split("\n#[cfg(test)]\nmod tests").next().expect("a text has a beginning");
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The names after a prefix such as `crate::` in code, also those of `use crate::{…}`.
fn names_after(prefix: &str, code: &str) -> BTreeSet<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices(prefix).filter(|(at, _)| !code[..*at].ends_with("::")) {
        let rest = &code[at + prefix.len()..];
        let Some(list) = rest.strip_prefix('{') else {
            names.insert(word(rest));
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
                    names.insert(word(&list[at..]));
                    is_first = false;
                }
                _ => {}
            }
        }
    }
    names
}

/// Imports of parts that are not below the part of the file.
fn strays(file: &str, text: &str) -> Vec<String> {
    let (module, code) = (module(file), code(text));
    if module == ["lib"] {
        // A name of the root would hide the part that it comes from.
        return code.lines().filter(|line| line.contains("pub use")).map(|line| format!("{file}: {line}")).collect();
    }
    let layer = |part: &str| LAYERS.iter().position(|parts| parts.contains(&part));
    let part = module[0];
    let own = layer(part).unwrap_or_else(|| panic!("{file} is of no layer: add {part} to LAYERS"));
    let is_stray = |name: &String| *name != part && layer(name).is_some_and(|other| other <= own);
    parts(&module, &code).into_iter().filter(is_stray).map(|name| format!("{file} imports {name}")).collect()
}

/// The parts that a file names.
fn parts(module: &[&str], code: &str) -> BTreeSet<String> {
    let root = "super::".repeat(module.len());
    ["crate::", "echo_service::", &root].iter().flat_map(|prefix| names_after(prefix, code)).collect()
}

/// Whether a file imports a part or a crate.
fn imports(file: &str, text: &str, name: &str) -> bool {
    let (module, code) = (module(file), code(text));
    let is_inside = |before: &str| before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
    let is_named = code.match_indices(&format!("{name}::")).any(|(at, _)| !is_inside(&code[..at]));
    is_named || parts(&module, &code).contains(name)
}

/// The files of each folder that import themselves by way of others.
fn cycles(files: &[(String, String)]) -> Vec<String> {
    let mut imports = BTreeMap::<String, BTreeSet<String>>::new();
    let path = |file: &str| module(file).join("::");
    for (file, text) in files.iter().filter(|(file, _)| !file.ends_with("mod.rs")) {
        let (module, code) = (module(file), code(text));
        let Some((_, folder)) = module.split_last().filter(|(_, folder)| !folder.is_empty()) else { continue };
        let absolute = format!("crate::{}::", folder.join("::"));
        let names = ["super::", &absolute].into_iter().flat_map(|prefix| names_after(prefix, &code));
        imports.insert(path(file), names.map(|name| format!("{}::{name}", folder.join("::"))).collect());
    }
    let reaches_itself = |file: &str| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![file.to_owned()]);
        while let Some(at) = next.pop() {
            for other in imports.get(&at).into_iter().flatten().filter(|other| imports.contains_key(*other)) {
                if other == file && at != file {
                    return true;
                }
                if seen.insert(other.clone()) {
                    next.push(other.clone());
                }
            }
        }
        false
    };
    imports.keys().filter(|file| reaches_itself(file)).cloned().collect()
}

#[test]
fn each_part_imports_only_parts_below() {
    let strays: Vec<_> = sources("src").iter().flat_map(|(file, text)| strays(file, text)).collect();
    assert!(strays.is_empty(), "{}", strays.join("\n"));
}

#[test]
fn no_part_imports_a_name_that_the_map_excludes() {
    let map = map();
    let mapped: BTreeSet<_> = map.iter().flat_map(|(parts, _)| parts.iter().map(String::as_str)).collect();
    assert_eq!(mapped, LAYERS.concat().into_iter().collect(), "the map has all parts");
    let mut strays = Vec::new();
    for (file, text) in sources("src") {
        let part = module(&file)[0];
        for (_, names) in map.iter().filter(|(parts, _)| parts.iter().any(|name| name == part)) {
            let found = names.iter().filter(|name| imports(&file, &text, name));
            strays.extend(found.map(|name| format!("{file} imports {name}")));
        }
    }
    assert!(strays.is_empty(), "{}", strays.join("\n"));
}

#[test]
fn names_that_the_map_excludes_are_found() {
    for (text, name) in [
        ("use crate::{web::MEDIA_TYPE};", "web"),
        ("use crate::{\n    domain::Verb,\n    web::routes,\n};", "web"),
        ("use hyper::Body;", "hyper"),
        ("fn f(body: hyper::Body) {}", "hyper"),
    ] {
        assert!(imports("src/store/mod.rs", text, name), "{text}");
    }
    for (text, name) in [
        ("use hyper_util::rt::TokioIo;", "hyper"),
        ("/// [`hyper::Body`]\nuse bytes::Bytes;", "hyper"),
        ("use poem::web::Yaml;", "web"),
    ] {
        assert!(!imports("src/store/mod.rs", text, name), "{text}");
    }
}

#[test]
fn files_of_a_folder_import_each_other_in_one_direction() {
    let cycles = cycles(&sources("src"));
    assert!(cycles.is_empty(), "these files import each other in a circle: {}", cycles.join(", "));
}

#[test]
fn imports_of_higher_parts_are_found() {
    for (file, text) in [
        ("src/mocks.rs", "use crate::api::Gate;"),
        ("src/mocks.rs", "use super::api::Gate;"),
        ("src/api/access.rs", "use super::super::config::Config;"),
        ("src/api/mod.rs", "use crate::{\n    domain::{Endpoint, Verb},\n    server::Server,\n};"),
        ("src/store/dynamodb/log.rs", "fn f() -> crate::replica::Replica {}"),
        ("src/web/rate.rs", "#[cfg(test)]\n    fn one() {}\nuse crate::store::Store;"),
        ("src/main.rs", "use echo_service::{app::App};\nuse super::signals::Signals;"),
        ("src/lib.rs", "pub use config::Config;"),
    ] {
        assert_eq!(strays(file, text).len(), 1, "{file}: {text}");
    }
    for (file, text) in [
        ("src/api/access.rs", "use super::keys::Key;\nuse crate::{domain::Verb, web::client, store::Store};"),
        (
            "src/mocks.rs",
            "/// [`crate::api`]\nuse crate::domain::Verb;\n#[cfg(test)]\nmod tests {\n    use crate::app::App;\n}",
        ),
        ("src/main.rs", "use echo_service::{api::Token, app::App};"),
    ] {
        assert_eq!(strays(file, text), [""; 0], "{file}: {text}");
    }
}

#[test]
fn circles_are_found() {
    let files =
        |texts: &[(&str, &str)]| texts.iter().map(|(file, text)| ((*file).into(), (*text).into())).collect::<Vec<_>>();
    let circle = [
        ("src/a/one.rs", "use super::two::Two;"),
        ("src/a/two.rs", "use super::{three::Three, Other};"),
        ("src/a/three.rs", "use crate::a::one::One;"),
        ("src/a/four.rs", "use super::one::One;"),
        ("src/a/mod.rs", "use one::One;"),
    ];
    assert_eq!(cycles(&files(&circle)), ["a::one", "a::three", "a::two"]);
    assert_eq!(cycles(&files(&circle[..2])), [""; 0]);
}
