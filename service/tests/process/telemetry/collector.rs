//! A real OpenTelemetry collector that records its input.

use std::{
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{PATIENCE, tool};

/// Built by `scripts/tools collector` from `tests/collector`. Killed when dropped.
pub struct Collector {
    process: Child,
    address: SocketAddr,
    folder: TempDir,
}

impl Collector {
    pub fn start() -> Self {
        let binary = tool("echo-collector", "collector");
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("tests/collector/record.yaml");
        let (address, folder) = (free_address(), tempfile::tempdir().unwrap());
        let mut process = Command::new(binary)
            .arg("--config")
            .arg(config)
            .env("COLLECTOR_PORT", address.port().to_string())
            .env("COLLECTOR_FILE", folder.path().join("records"))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(address).is_err() {
            assert!(process.try_wait().unwrap().is_none() && Instant::now() < deadline, "the collector starts");
            thread::sleep(Duration::from_millis(10));
        }
        Self { process, address, folder }
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until the records satisfy a condition, and returns its result.
    pub fn wait_for<T>(&self, what: &str, condition: impl Fn(&Records) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let records = self.records();
            if let Some(found) = condition(&records) {
                return found;
            }
            assert!(Instant::now() < deadline, "{what} does not arrive; this has: {}", serde_json::json!(records.0));
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn records(&self) -> Records {
        let text = fs::read_to_string(self.folder.path().join("records")).unwrap_or_default();
        // The last line may be incomplete.
        let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        Records(lines.map(|line| serde_json::from_str(line).unwrap()).collect())
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An address without a listener.
pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// The recorded requests.
pub struct Records(Vec<Value>);

/// A metric or a span with its resource and scope.
#[derive(Debug, Clone)]
pub struct Item {
    pub resource: Value,
    pub scope: Value,
    pub it: Value,
}

impl Records {
    pub fn spans(&self) -> Vec<Item> {
        self.items("resourceSpans", "scopeSpans", "spans")
    }

    /// All states of all metrics, the latest last.
    pub fn metrics(&self) -> Vec<Item> {
        self.items("resourceMetrics", "scopeMetrics", "metrics")
    }

    fn items(&self, resources: &str, scopes: &str, items: &str) -> Vec<Item> {
        let mut found = Vec::new();
        for by_resource in self.0.iter().flat_map(|record| members(record, resources)) {
            for by_scope in members(by_resource, scopes) {
                let item = |it: &Value| {
                    let (resource, scope) = (by_resource["resource"].clone(), by_scope["scope"].clone());
                    Item { resource, scope, it: it.clone() }
                };
                found.extend(members(by_scope, items).map(item));
            }
        }
        found
    }
}

fn members<'a>(of: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    of[name].as_array().map(Vec::as_slice).unwrap_or_default().iter()
}
