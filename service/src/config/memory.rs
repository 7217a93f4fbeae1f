//! The memory of this process, and the default limit for all mocks.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rustix::{
    process::{Resource, getrlimit},
    system::sysinfo,
};

use crate::store::StoreChoice;

/// The memory that is not for mocks, in bytes: the program, answers and documents on their way, entries of the log, and
/// mocks beyond the limit ([`crate::replica`]).
const RESERVED_BYTES: u64 = 96 * 1024 * 1024;

/// The default limit for the memory of all mocks, in bytes. A store in memory holds each mock a second time, in pages
/// that grow by doubling.
pub(super) fn default_for_mocks(store: &StoreChoice) -> u64 {
    for_mocks(of_process()) / if *store == StoreChoice::Memory { 4 } else { 1 }
}

/// A quarter is for gaps between mocks of different sizes, and for the growth of the table.
fn for_mocks(memory: u64) -> u64 {
    (memory.saturating_sub(RESERVED_BYTES) / 4 * 3).max(memory / 3)
}

/// The memory for this process, in bytes: the smallest of the machine's memory, the limits of the control groups, and
/// `ulimit -d`.
fn of_process() -> u64 {
    let machine = sysinfo();
    let all = [machine.totalram * u64::from(machine.mem_unit), getrlimit(Resource::Data).current.unwrap_or(u64::MAX)];
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    all.into_iter().chain(of_groups(Path::new("/sys/fs/cgroup"), &groups)).min().unwrap_or(u64::MAX)
}

/// The limits of control groups and their ancestors: version 2, or version 1 (cgroups(7)). `groups`: the content of
/// `/proc/self/cgroup`. A container may see the groups of the host there, and only its own group under `root`.
fn of_groups(root: &Path, groups: &str) -> Vec<u64> {
    let files = groups.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, group) = (parts.next()?, parts.next()?.trim_start_matches('/'));
        let (folder, file) = match controllers {
            "" => (root.to_owned(), "memory.max"),
            _ if controllers.split(',').any(|of| of == "memory") => (root.join("memory"), "memory.limit_in_bytes"),
            _ => return None,
        };
        let groups: Vec<PathBuf> = Path::new(group).ancestors().map(|group| folder.join(group).join(file)).collect();
        Some(groups)
    });
    files.flatten().filter_map(|file| fs::read_to_string(file).ok()?.trim().parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn the_limits_of_all_groups_count() {
        let root = tempfile::tempdir().unwrap();
        let limits = |groups: &str| of_groups(root.path(), groups);
        let write = |file: &str, content: &str| {
            let file = root.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, content).unwrap();
        };
        assert_eq!(limits("0::/\n"), [0; 0]);
        write("memory.max", "max\n");
        write("a/memory.max", "2000\n");
        write("a/b/memory.max", "3000\n");
        write("memory/memory.limit_in_bytes", "4000\n");
        assert_eq!(limits("0::/\n"), [0; 0]);
        assert_eq!(limits("0::/a/b\n"), [3000, 2000]);
        assert_eq!(limits("0::/other/a\n"), [0; 0]);
        assert_eq!(limits("9:cpu,memory:/docker/123\n8:pids:/\n0::/a\n"), [4000, 2000]);
        assert_eq!(limits("nonsense\n1:memory\n"), [0; 0]);
    }

    #[test]
    fn the_default_leaves_memory_for_the_rest() {
        for (memory, mocks) in [(64, 21), (128, 42), (256, 120), (512, 312), (1024, 696), (2048, 1464)] {
            assert_eq!(for_mocks(memory * MIB) / MIB, mocks, "{memory}");
        }
        assert!(of_process() > 0);
    }
}
