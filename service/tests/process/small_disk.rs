//! A disk of a few megabytes that only the processes of one test see. A test can fill it without harm.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

use crate::support::Echo;

/// A file system in memory, in a mount namespace of its own. Gone when dropped.
pub struct SmallDisk {
    /// A process that only keeps the namespace.
    keeper: Child,
    folder: TempDir,
}

impl SmallDisk {
    /// Needs no privileges where users may create namespaces, the default of Linux.
    pub fn new(size: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let script = format!(r#"mount -t tmpfs -o size={size} tmpfs "$1" && touch "$1/mounted" && exec cat"#);
        let mut keeper = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script, "sh"])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("unshare of util-linux is installed");
        let mounted = PathBuf::from(format!("/proc/{}/root{}", keeper.id(), folder.path().join("mounted").display()));
        while !mounted.exists() {
            let is_alive = keeper.try_wait().unwrap().is_none();
            assert!(is_alive, "no disk could be mounted: allow user namespaces, or be root with the right to mount");
            std::thread::yield_now();
        }
        Self { keeper, folder }
    }

    /// The path of a file on the disk, for processes of [`Self::command`].
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The path of the same file outside the namespace.
    pub fn path_outside(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{}", self.keeper.id(), self.path(name).display()))
    }

    /// The service inside the namespace.
    pub fn command(&self) -> Command {
        let service = Echo::command();
        let mut command = Command::new("nsenter");
        command.args(["--user", "--mount", "--preserve-credentials", "--target", &self.keeper.id().to_string(), "--"]);
        command.arg(service.get_program());
        for (name, _) in service.get_envs() {
            command.env_remove(name);
        }
        command
    }

    /// Fills the disk up to this many free bytes.
    pub fn fill(&self, bytes: usize) {
        fs::write(self.path_outside("filler"), vec![b'x'; bytes]).unwrap();
    }

    pub fn exists(&self, name: &str) -> bool {
        self.path_outside(name).exists()
    }

    pub fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path_outside(from), self.path_outside(to)).unwrap();
    }

    /// Frees the space that [`Self::fill`] took.
    pub fn free(&self) {
        fs::remove_file(self.path_outside("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}
