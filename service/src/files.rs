//! Mock files: the mocks of a set in YAML or JSON, in one file or in the files of a folder.
//!
//! Echo opens no file outside of the folder, also not through a link.

mod body;

pub use self::body::BODY_FILE;

use std::{
    fmt,
    io::{self, Read},
    path::{Component, Path, PathBuf},
};

use cap_std::{
    ambient_authority,
    fs::{Dir, OpenOptions, OpenOptionsExt},
};
use rustix::fs::OFlags;
use serde_json::Value;

use crate::{
    domain::{MAX_BODY_BYTES, SetName, printable},
    yaml::{self, MAX_TEXT_BYTES, Place, Text},
};

/// Maximum number of mock files in a folder.
const MAX_FILES: usize = 10_000;
/// The endings of mock files.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// The mocks of one set. Nothing has checked the mocks themselves.
#[derive(Debug)]
pub struct MockFiles {
    pub set: SetName,
    /// The opened files, relative to their folder.
    pub opened: Vec<PathBuf>,
    files: Vec<MockFile>,
}

#[derive(Debug)]
struct MockFile {
    path: String,
    text: Text,
}

/// All mistakes in files, one line each: file, line, column, JSON pointer, and the correction.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct Problems(pub Vec<String>);

impl Problems {
    fn one(path: &impl fmt::Display, detail: impl fmt::Display) -> Self {
        Self(vec![printable(&format!("{path}: {detail}"))])
    }

    fn at(path: &str, place: Place, pointer: &str, detail: &str) -> String {
        let colon = if pointer.is_empty() { "" } else { ": " };
        printable(&format!("{path}:{place}: {pointer}{colon}{detail}"))
    }
}

impl MockFiles {
    /// Reads a file, or all files directly in a folder that end in `.yaml`, `.yml` or `.json`. The set has the name of
    /// the folder, or of the file without its ending.
    pub fn load(path: &Path) -> Result<Self, Problems> {
        let fails = |error: io::Error| Problems::one(&path.display(), format_args!("cannot be read: {error}"));
        let target = path.canonicalize().map_err(fails)?;
        let is_folder = target.is_dir();
        let own = if path.file_name().is_some() { path } else { &target };
        let name = if is_folder { own.file_name() } else { own.file_stem() };
        let name = name.unwrap_or_default().to_string_lossy();
        let set =
            SetName::parse(&name).map_err(|why| Problems::one(&path.display(), format_args!("{why}: rename it")))?;

        let folder = if is_folder { &*target } else { target.parent().unwrap_or(&target) };
        let folder = Dir::open_ambient_dir(folder, ambient_authority()).map_err(fails)?;
        let mut reading = Reading { folder, left: MAX_TEXT_BYTES, opened: Vec::new() };
        let names = if is_folder {
            mock_files(&reading.folder, path)?.into_iter().map(|name| (path.join(&name), name)).collect()
        } else {
            vec![(path.to_owned(), target.file_name().unwrap_or_default().to_string_lossy().into_owned())]
        };
        let (mut files, mut problems) = (Vec::new(), Vec::new());
        for (path, name) in names {
            match MockFile::read(path.display().to_string(), &name, &mut reading) {
                Ok(file) => files.push(file),
                Err(Problems(more)) => problems.extend(more),
            }
        }
        if problems.is_empty() { Ok(Self { set, opened: reading.opened, files }) } else { Err(Problems(problems)) }
    }

    /// The list of all mocks in JSON, as Echo takes it for a set.
    pub fn list(&self) -> Vec<u8> {
        let mocks = self.files.iter().flat_map(MockFile::mocks).collect::<Vec<_>>();
        serde_json::to_vec(&mocks).expect("a value is JSON")
    }

    /// A mistake in the list, at its place in the files. `pointer` is a JSON pointer into the list. A mistake of the
    /// whole list has no place.
    pub fn problem(&self, pointer: &str, detail: &str) -> String {
        if pointer.is_empty() {
            return printable(&format!("{}: {detail}", self.set));
        }
        let list = pointer.trim_start_matches('/');
        let (number, rest) = list.split_at(list.find('/').unwrap_or(list.len()));
        let mut number = number.parse::<usize>().unwrap_or_default();
        for file in &self.files {
            let mocks = file.mocks().len();
            if number < mocks {
                let pointer = if file.text.value.is_array() { format!("/{number}{rest}") } else { rest.to_owned() };
                return Problems::at(&file.path, file.text.place(&pointer), &pointer, detail);
            }
            number -= mocks;
        }
        printable(&format!("{}: {detail}", self.set))
    }
}

impl MockFile {
    /// One mock, or a list of mocks.
    fn read(path: String, name: &str, reading: &mut Reading) -> Result<Self, Problems> {
        let text = reading.text(name).map_err(|why| Problems::one(&path, why))?;
        let mut text = yaml::read(&text).map_err(|mistakes| {
            let each = mistakes.iter().map(|one| Problems::at(&path, one.place, &one.pointer, &one.detail));
            Problems(each.collect())
        })?;
        if !text.value.is_object() && text.value.as_array().is_none_or(Vec::is_empty) {
            let detail = "The file has no mock: write a mock, or a list of mocks";
            return Err(Problems(vec![Problems::at(&path, text.place(""), "", detail)]));
        }
        let wrong = body::insert(&mut text.value, reading);
        let each = wrong.iter().map(|(pointer, why)| Problems::at(&path, text.place(pointer), pointer, why));
        let wrong: Vec<_> = each.collect();
        if wrong.is_empty() { Ok(Self { path, text }) } else { Err(Problems(wrong)) }
    }

    fn mocks(&self) -> &[Value] {
        match &self.text.value {
            Value::Array(list) => list,
            one => std::slice::from_ref(one),
        }
    }
}

/// The names of the mock files in a folder, in their order. Names that begin with a dot are no mock files: editors and
/// Kubernetes keep their own files there.
fn mock_files(folder: &Dir, path: &Path) -> Result<Vec<String>, Problems> {
    let fails = |error: io::Error| Problems::one(&path.display(), format_args!("cannot be read: {error}"));
    let mut names = Vec::new();
    for entry in folder.entries().map_err(fails)? {
        let name = entry.map_err(fails)?.file_name().to_string_lossy().into_owned();
        let ending = Path::new(&name).extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if !name.starts_with('.') && ENDINGS.contains(&ending) {
            names.push(name);
        }
        if names.len() > MAX_FILES {
            return Err(Problems::one(
                &path.display(),
                format_args!("has more than {MAX_FILES} mock files: use several folders"),
            ));
        }
    }
    if names.is_empty() {
        return Err(Problems::one(&path.display(), "has no file that ends in .yaml, .yml or .json"));
    }
    names.sort_unstable();
    Ok(names)
}

/// The files of one set.
struct Reading {
    folder: Dir,
    /// The bytes that the set may still have.
    left: usize,
    opened: Vec<PathBuf>,
}

impl Reading {
    fn text(&mut self, name: &str) -> Result<String, String> {
        String::from_utf8(self.bytes(name, MAX_TEXT_BYTES)?).map_err(|_| "is not UTF-8: save it in UTF-8".into())
    }

    /// The content of a regular file. A pipe would block, and a device never end.
    fn bytes(&mut self, name: &str, limit: usize) -> Result<Vec<u8>, String> {
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed());
        let fails = |error: io::Error| format!("cannot be read: {error}");
        self.opened.push(Path::new(name).components().filter(|part| *part != Component::CurDir).collect());
        let mut file = self.folder.open_with(name, &options).map_err(fails)?;
        let before = file.metadata().map_err(fails)?;
        if !before.is_file() {
            return Err("is not a regular file".into());
        }
        let limit = limit.min(self.left);
        if before.len() > limit as u64 {
            let (body, set) = (MAX_BODY_BYTES >> 10, MAX_TEXT_BYTES >> 20);
            return Err(format!("is too large: a body has at most {body} KiB, and a set {set} MiB"));
        }
        let mut bytes = Vec::with_capacity(before.len() as usize);
        (&mut file).take(before.len() + 1).read_to_end(&mut bytes).map_err(fails)?;
        let after = file.metadata().map_err(fails)?;
        let is_same = (before.len(), before.modified().ok()) == (after.len(), after.modified().ok());
        if !is_same || bytes.len() as u64 != before.len() {
            return Err("changed while it was read: try again".into());
        }
        self.left -= bytes.len();
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests;
