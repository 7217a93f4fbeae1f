//! The settings as tables, for `docs/settings.md`.

use std::fmt::Write;

use clap::CommandFactory;

use super::Cli;

/// The settings in Markdown, for `docs/settings.md`: a table for each heading, and the longer explanations below it.
pub fn settings_tables() -> String {
    let command = Cli::command();
    let settings: Vec<_> = command.get_arguments().filter(|argument| argument.get_help_heading().is_some()).collect();
    let mut text = String::new();
    for group in settings.chunk_by(|one, other| one.get_help_heading() == other.get_help_heading()) {
        let heading = group[0].get_help_heading().expect("only those with one");
        let rows: String = group.iter().map(|setting| row(setting)).collect();
        let details: String = group.iter().filter_map(|setting| detail(setting)).collect();
        let head = "| flag | variable | default | meaning |\n| --- | --- | --- | --- |";
        write!(text, "### {heading}\n\n{head}\n{rows}\n{details}\n").expect("a String takes everything");
    }
    text
}

fn row(setting: &clap::Arg) -> String {
    let flag = setting.get_long().expect("each setting has a flag");
    let variable = setting.get_env().map_or_else(|| "none".into(), |name| format!("`{}`", name.to_string_lossy()));
    let default = setting.get_default_values().first();
    let default = default.map_or_else(|| "none".into(), |value| format!("`{}`", value.to_string_lossy()));
    let help = setting.get_help().expect("each setting has a help text");
    format!("| `--{flag}` | {variable} | {default} | {help} |\n")
}

/// The paragraphs that only `--help` shows.
fn detail(setting: &clap::Arg) -> Option<String> {
    let (flag, help) = (setting.get_long()?, setting.get_long_help()?.to_string());
    let (_, detail) = help.split_once("\n\n")?;
    Some(format!("- `--{flag}`: {detail}\n"))
}
