//! The subcommands that call management of a running Echo.
//!
//! Texts from mocks and servers are escaped: a terminal would obey control characters.

mod apply;
mod delete;
mod explain;
mod get;
mod management;
mod store_command;
mod wait;

use std::{
    fmt,
    io::{self, ErrorKind, Write},
    process::ExitCode,
};

use serde_json::Value;

use crate::{config::ClientCommand, domain::printable, yaml};

/// Runs a command, and prints its outcome. The error says as a sentence how to go on.
pub fn run(command: &ClientCommand) -> Result<ExitCode, String> {
    let outcome = match command {
        ClientCommand::Apply(apply) => return apply::run(apply),
        ClientCommand::Get(get) => get::run(get),
        ClientCommand::Delete(delete) => delete::run(delete),
        ClientCommand::Export(export) => get::export(export),
        ClientCommand::Explain(explain) => explain::run(explain),
        ClientCommand::Wait(wait) => wait::run(wait),
        ClientCommand::Store(command) => store_command::run(command),
    };
    print(&outcome?).map(|()| ExitCode::SUCCESS)
}

/// Writes to standard output. A reader that has read enough, such as `head`, is no error.
pub fn print(text: &str) -> Result<(), String> {
    let mut output = io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(format!("cannot write the output: {error}")),
        _ => Ok(()),
    }
}

/// Writes a line to standard error. Without a reader, the line is lost.
pub fn report(line: impl fmt::Display) {
    let _ = writeln!(io::stderr(), "echo-service: {line}");
}

/// A member as text.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| if value.is_null() { "-".into() } else { value.to_string() }, Into::into)
}

/// Rows in columns, below a line with the names of the columns.
fn table<const N: usize>(names: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let rows = rows.into_iter().map(|row| row.map(|cell| printable(&cell)));
    let lines: Vec<_> = [names.map(Into::into)].into_iter().chain(rows).collect();
    let widths: [_; N] = std::array::from_fn(|n| lines.iter().map(|row| row[n].chars().count()).max().unwrap_or(0));
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect::<Vec<_>>();
        format!("{}\n", cells.join("  ").trim_end())
    };
    lines.iter().map(line).collect()
}

/// A value as JSON in lines. Only texts can have characters that are not printable, so that an escape is the same text.
fn json(value: &Value) -> String {
    let mut json = String::new();
    for c in format!("{value:#}\n").chars() {
        if is_printable(c) {
            json.push(c);
        } else {
            json.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    json
}

/// A value as YAML. With texts that YAML would hold unescaped and a terminal would obey, the form of JSON is YAML, too.
fn yaml(value: &Value) -> String {
    let yaml = yaml::write(value);
    if yaml.chars().all(is_printable) { yaml } else { json(value) }
}

fn is_printable(c: char) -> bool {
    matches!(c, '\n' | '\'' | '"' | '\\') || c.escape_debug().len() == 1
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_escaped_text_of_json_is_the_same_text() {
        let value = json!({"a\u{1b}[31m": "\u{9b}\u{202e}\u{e0041}\n\t\u{7f}", "b": ["'\"\\", "é 日 \u{1f600}"]});
        let text = json(&value);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text}");
        for text in [&text, &yaml(&value), &yaml(&json!({"a": "\u{202e}", "b": "\u{9b}"}))] {
            assert!(text.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'), "{text}");
        }
        let plain = json!([{"path": "/{x}", "response": {"code": 200, "body": "a\nb\n"}}]);
        assert!(!yaml(&plain).contains('"') && yaml::read(&yaml(&plain)).unwrap().value == plain);
        assert!(text.contains("é 日 \u{1f600}") && text.contains(r"\u009b\u202e\udb40\udc41\n\t\u007f"), "{text}");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["é".into(), "\u{1b}[2J".into()], ["three".into(), "-".into()]];
        assert_eq!(table(["A", "B"], rows), "A      B\né      \\u{1b}[2J\nthree  -\n");
    }
}
