//! `--mocks` and `--watch`: sets that follow files.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher, recommended_watcher};
use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    task::spawn_blocking,
    time::sleep,
};

use crate::{
    api::{ApiError, Rules, read_set},
    domain::Mock,
    files::{MockFiles, Problems},
    replica::{Outcome, Replica},
    web::document::ErrorObject,
};

/// Time from the first sign of a change to the reading: editors write, rename and remove in one go.
const SETTLE: Duration = Duration::from_millis(100);

/// All sets from files.
pub struct FileSets {
    replica: Arc<Replica>,
    rules: Rules,
    sets: Vec<FileSet>,
}

/// A set from a file or folder.
struct FileSet {
    path: PathBuf,
    /// The names of the files at the last good reading, relative to their folder.
    opened: Vec<PathBuf>,
    /// The mistakes of the last reading, if any.
    problems: Option<String>,
}

impl FileSets {
    pub fn new(replica: Arc<Replica>, rules: Rules, paths: &[PathBuf]) -> Self {
        let set = |path: &PathBuf| FileSet { path: path.clone(), opened: Vec::new(), problems: None };
        Self { replica, rules, sets: paths.iter().map(set).collect() }
    }

    /// Writes all sets, at the start. A mistake in any file ends the start before the first write.
    pub async fn write(&mut self) -> Result<(), Problems> {
        let (mut read, mut problems, mut names) = (Vec::new(), Vec::new(), HashSet::new());
        for set in &mut self.sets {
            match set.read(self.rules).await {
                Ok((files, _)) if !names.insert(files.set.clone()) => {
                    problems.push(format!("Two paths make the set `{}`: rename one of them", files.set));
                }
                Ok(list) => read.push((set, list)),
                Err(Problems(more)) => problems.extend(more),
            }
        }
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        let (mut failed, count) = (Vec::new(), read.len());
        for (set, (files, mocks)) in read {
            if let Err(problems) = set.write(&self.replica, files, mocks).await {
                failed.push((set, problems));
            }
        }
        let failed = write_again(failed, count, &self.replica, self.rules).await;
        let problems: Vec<_> = failed.into_iter().flat_map(|(_, Problems(problems))| problems).collect();
        if problems.is_empty() { Ok(()) } else { Err(Problems(problems)) }
    }

    /// Watches all files. Returns the changes, which come as long as the watcher lives.
    pub fn watch(&self) -> notify::Result<(RecommendedWatcher, UnboundedReceiver<notify::Result<Event>>)> {
        let (sender, changes) = unbounded_channel();
        // The receiver is gone at the end of the process.
        let mut watcher = recommended_watcher(move |event| _ = sender.send(event))?;
        self.sets.iter().try_for_each(|set| set.watch(&mut watcher))?;
        Ok((watcher, changes))
    }

    /// Writes each set again whose files change. A wrong file keeps the last good set.
    pub async fn follow(
        mut self,
        mut watcher: RecommendedWatcher,
        mut changes: UnboundedReceiver<notify::Result<Event>>,
    ) {
        // The folders of bodies are known since the first reading.
        self.sets.iter().for_each(|set| set.watch_again(&mut watcher));
        while let Some(first) = changes.recv().await {
            // Each reading causes signs of access.
            let concerns = |set: &FileSet, event: &notify::Result<Event>| match event {
                Ok(event) if event.kind.is_access() => false,
                Ok(event) => event.need_rescan() || event.paths.iter().any(|path| set.has(path)),
                Err(_) => true,
            };
            if !self.sets.iter().any(|set| concerns(set, &first)) {
                continue;
            }
            sleep(SETTLE).await;
            let mut events = vec![first];
            while let Ok(event) = changes.try_recv() {
                events.push(event);
            }
            let (mut failed, mut count) = (Vec::new(), 0);
            for set in self.sets.iter_mut().filter(|set| events.iter().any(|event| concerns(set, event))) {
                count += 1;
                // A new folder at the same path is not watched yet.
                set.watch_again(&mut watcher);
                match set.update(&self.replica, self.rules).await {
                    Ok(()) => set.watch_again(&mut watcher),
                    Err(problems) => failed.push((set, problems)),
                }
            }
            for (set, problems) in write_again(failed, count, &self.replica, self.rules).await {
                set.log(&problems);
            }
        }
    }
}

/// Writes sets again, as long as another of `count` sets has been written: a mock can move from one set to another.
/// Returns the sets that fail.
async fn write_again<'s>(
    mut failed: Vec<(&'s mut FileSet, Problems)>,
    mut count: usize,
    replica: &Arc<Replica>,
    rules: Rules,
) -> Vec<(&'s mut FileSet, Problems)> {
    while failed.len() < count {
        count = failed.len();
        let mut still = Vec::new();
        for (set, _) in failed {
            if let Err(problems) = set.update(replica, rules).await {
                still.push((set, problems));
            }
        }
        failed = still;
    }
    failed
}

impl FileSet {
    async fn read(&self, rules: Rules) -> Result<(MockFiles, Vec<Mock>), Problems> {
        let path = self.path.clone();
        let reading = spawn_blocking(move || {
            let files = MockFiles::load(&path)?;
            let mocks = read_set(&files.list(), &files.set, rules).map_err(|error| located(&files, &error))?;
            Ok((files, mocks))
        });
        reading.await.expect("the reading does not panic")
    }

    async fn write(&mut self, replica: &Arc<Replica>, files: MockFiles, mocks: Vec<Mock>) -> Result<(), Problems> {
        let outcome = replica.put_set(&files.set, mocks, false).await;
        let outcome = outcome.map_err(|error| located(&files, &ApiError::unwritten_set(error, true)))?;
        let Outcome { created, changed, deleted, unchanged } = &outcome;
        let [created, changed, deleted, unchanged] = [created, changed, deleted, unchanged].map(Vec::len);
        // Other files in a watched folder may change often, such as a store.
        if self.opened.is_empty() || created + changed + deleted > 0 {
            tracing::info!(set = %files.set, created, changed, deleted, unchanged, "mock files are served");
        }
        self.opened = files.opened;
        self.problems = None;
        Ok(())
    }

    /// Reads the files, and writes the set.
    async fn update(&mut self, replica: &Arc<Replica>, rules: Rules) -> Result<(), Problems> {
        let (files, mocks) = self.read(rules).await?;
        self.write(replica, files, mocks).await
    }

    /// Logs new problems.
    fn log(&mut self, problems: &Problems) {
        let problems = Some(problems.to_string()).filter(|problems| self.problems.as_ref() != Some(problems));
        let Some(problems) = problems else { return };
        for problem in problems.lines() {
            tracing::error!(problem, "mock files are not served; their last good set stays");
        }
        self.problems = Some(problems);
    }

    /// Watches the folder of the files, the folders of the bodies, and the folders in which a link or a new folder
    /// would appear.
    fn watch(&self, watcher: &mut RecommendedWatcher) -> notify::Result<()> {
        let target = self.path.canonicalize().unwrap_or_else(|_| self.path.clone());
        if target.is_dir() {
            watcher.watch(&target, RecursiveMode::Recursive)?;
        }
        let bodies = self.opened.iter().map(|opened| target.with_file_name(opened)).filter(|_| !target.is_dir());
        for path in bodies.chain([target.clone(), self.path.clone()]) {
            let folder = path.ancestors().skip(1).map(or_here).find(|folder| folder.is_dir());
            watcher.watch(&folder.unwrap_or(Path::new(".")).canonicalize()?, RecursiveMode::NonRecursive)?;
        }
        Ok(())
    }

    fn watch_again(&self, watcher: &mut RecommendedWatcher) {
        if let Err(error) = self.watch(watcher) {
            tracing::warn!(path = %self.path.display(), %error, "cannot watch mock files");
        }
    }

    /// Whether a changed path may change the set. Kubernetes swaps a link that begins with two dots.
    fn has(&self, changed: &Path) -> bool {
        let name = changed.file_name().unwrap_or_default();
        let is_beneath = self.path.canonicalize().is_ok_and(|path| path.is_dir() && changed.starts_with(path));
        let is_known = self.opened.iter().any(|opened| changed.ends_with(opened));
        let is_link = name.as_encoded_bytes().starts_with(b"..");
        is_beneath || is_known || is_link || self.path.file_name() == Some(name) || self.problems.is_some()
    }
}

/// The parent of a bare name is the working folder.
fn or_here(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

/// The errors of a list, at their places in the files.
fn located(files: &MockFiles, error: &ApiError) -> Problems {
    let places = error.errors().iter().map(ErrorObject::place);
    Problems(places.map(|(pointer, detail)| files.problem(pointer.unwrap_or_default(), detail)).collect())
}
