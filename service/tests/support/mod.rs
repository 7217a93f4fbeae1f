//! A real `echo-service` process, and a client that sends exactly the bytes of a test.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::{
    env,
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

/// Enough for a busy machine. A test that waits this long has failed.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A program that `scripts/tools` installed.
pub fn tool(binary: &str, name: &str) -> PathBuf {
    let tools =
        env::var_os("ECHO_TOOLS").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".cache/echo"))).unwrap();
    let binary = tools.join("bin").join(binary);
    assert!(binary.exists(), "{} is missing: run ./scripts/tools {name}", binary.display());
    binary
}

/// A service in a process of its own, on free ports. Killed when dropped.
pub struct Echo {
    process: Child,
    pub mocks: SocketAddr,
    pub management: SocketAddr,
    log: Mutex<mpsc::Receiver<Value>>,
    pub early: Vec<Value>,                          // The log before the process served.
    pub errors: Option<thread::JoinHandle<String>>, // The text on standard error.
}

impl Echo {
    /// Starts on loopback with the store in memory and without a rate limit. `arguments` win over these settings.
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, &[])
    }

    pub fn start_with(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::try_start(arguments, variables)
            .unwrap_or_else(|(status, errors)| panic!("echo-service has ended with {status}: {errors}"))
    }

    /// Starts the service. An error holds the exit status and the text on standard error.
    pub fn try_start(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Self, (ExitStatus, String)> {
        let mut command = Self::command();
        for (flag, value) in
            [("--listen", "127.0.0.1:0"), ("--store", "memory"), ("--rate-limit", "0"), ("--log-format", "json")]
        {
            if !arguments.contains(&flag) {
                command.args([flag, value]);
            }
        }
        Self::spawn(command.args(arguments).envs(variables.iter().copied()))
    }

    /// The binary with a clean environment, for tests that start it themselves.
    #[expect(clippy::disallowed_methods, reason = "what is set here must not reach the service")]
    pub fn command() -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_echo-service"));
        for (name, _) in env::vars() {
            if ["ECHO_", "OTEL_", "AWS_"].iter().any(|prefix| name.starts_with(prefix)) {
                command.env_remove(name);
            }
        }
        command
    }

    /// Spawns a prepared command with JSON logs, and waits until it serves.
    pub fn spawn(command: &mut Command) -> Result<Self, (ExitStatus, String)> {
        Self::spawn_until(command, "serving")
    }

    /// As [`Self::spawn`], until the first log line with the message and the addresses.
    pub fn spawn_until(command: &mut Command, message: &str) -> Result<Self, (ExitStatus, String)> {
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs");
        let (lines, log) = mpsc::channel();
        let output = BufReader::new(process.stdout.take().unwrap());
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if lines.send(serde_json::from_str(&line).unwrap_or(Value::String(line))).is_err() {
                    break;
                }
            }
        });
        let read = |errors| thread::spawn(move || io::read_to_string(errors).unwrap_or_default());
        let errors = process.stderr.take().map(read);
        let mut early = Vec::new();
        loop {
            match log.recv_timeout(PATIENCE) {
                Ok(line) if line["message"] == message => {
                    let [mocks, management] =
                        ["mocks", "management"].map(|of| line[of].as_str().unwrap().parse().unwrap());
                    return Ok(Self { process, mocks, management, log: Mutex::new(log), early, errors });
                }
                Ok(line) => early.push(line),
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    return Err((process.wait().unwrap(), errors.unwrap().join().unwrap()));
                }
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("echo-service does not serve; its log: {early:?}"),
            }
        }
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Sends a signal by its name, for instance `TERM`.
    pub fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()]).status().unwrap().success());
    }

    /// The exit status, if the process has ended.
    pub fn try_wait(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().unwrap()
    }

    /// Waits for the end of the process.
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.try_wait() {
                return status;
            }
            thread::sleep(Duration::from_millis(5));
        }
        panic!("echo-service does not end");
    }

    /// The next line of the log that satisfies the condition.
    pub fn log_line(&self, condition: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let line = self
                .log
                .lock()
                .unwrap()
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
                .expect("the line is logged in time");
            if condition(&line) {
                return line;
            }
        }
    }

    /// The remaining lines of the log, up to the end of the process.
    pub fn rest_of_log(&self) -> Vec<Value> {
        self.log.lock().unwrap().iter().collect()
    }

    /// A request to a mock.
    pub fn call(&self, method: &str, path: &str) -> Answer {
        self.call_with(method, path, "", b"")
    }

    /// A request to a mock with more header lines (each ends with `\r\n`) and any body.
    pub fn call_with(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        request(self.mocks, method, path, headers, body)
    }

    /// A request to management with more header lines (each ends with `\r\n`) and an optional JSON:API document.
    pub fn manage(&self, method: &str, path: &str, headers: &str, document: Option<&Value>) -> Answer {
        let body = document.map(Value::to_string).unwrap_or_default();
        let content_type = if document.is_some() && !headers.to_lowercase().contains("content-type:") {
            "Content-Type: application/vnd.api+json\r\n"
        } else {
            ""
        };
        self.manage_raw(method, path, &format!("{content_type}{headers}"), body.as_bytes())
    }

    /// A request to management with any body.
    pub fn manage_raw(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        request(self.management, method, path, headers, body)
    }

    pub fn get(&self, path: &str) -> Answer {
        self.manage("GET", path, "", None)
    }

    pub fn post(&self, document: &Value) -> Answer {
        self.manage("POST", "/endpoints", "", Some(document))
    }

    pub fn patch(&self, id: &str, document: &Value) -> Answer {
        self.manage("PATCH", &format!("/endpoints/{id}"), "", Some(document))
    }

    pub fn delete(&self, id: &str) -> Answer {
        self.manage("DELETE", &format!("/endpoints/{id}"), "", None)
    }

    /// Creates a mock, which must succeed, and returns its id.
    pub fn create(&self, verb: &str, path: &str, response: Value) -> String {
        let answer = self.post(&new_endpoint(verb, path, response));
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()["data"]["id"].as_str().unwrap().to_owned()
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        let _ = (self.process.kill(), self.process.wait());
    }
}

/// A document for a new endpoint.
#[expect(clippy::needless_pass_by_value, reason = "reads better with `json!` in place")]
pub fn new_endpoint(verb: &str, path: &str, response: Value) -> Value {
    let attributes = serde_json::json!({"verb": verb, "path": path, "response": response});
    serde_json::json!({"data": {"type": "endpoints", "attributes": attributes}})
}

/// A document with changes.
#[expect(clippy::needless_pass_by_value, reason = "reads better with `json!` in place")]
pub fn changes(attributes: Value) -> Value {
    serde_json::json!({"data": {"type": "endpoints", "attributes": attributes}})
}

/// An answer, byte for byte.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    /// In the order of the answer, names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// The pointers of all errors.
    pub fn pointers(&self) -> Vec<String> {
        let json = self.json();
        let errors = json["errors"].as_array().unwrap().iter();
        errors.map(|error| error["source"]["pointer"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// The details of all errors, one line each.
    pub fn details(&self) -> String {
        let json = self.json();
        let errors = json["errors"].as_array().unwrap().iter();
        errors.map(|error| error["detail"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join("\n")
    }
}

/// One request on a connection of its own.
fn request(address: SocketAddr, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
    send(address, request_bytes(address, method, path, headers, body))
}

/// A request with `Connection: close`.
pub fn request_bytes(address: SocketAddr, method: &str, path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{length}{headers}\r\n");
    [head.as_bytes(), body].concat()
}

/// Sends bytes on a connection of their own, and reads until the server closes it.
pub fn send(address: SocketAddr, request: impl AsRef<[u8]>) -> Answer {
    let mut stream = TcpStream::connect(address).expect("the service listens");
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_ref()).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("an answer in time");
    parse(&bytes)
}

/// Like [`send`], but `None` without a complete answer: for a service killed meanwhile.
pub fn try_send(address: SocketAddr, request: impl AsRef<[u8]>) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.write_all(request.as_ref()).ok()?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).ok()?;
    let answer = bytes.windows(4).any(|window| window == b"\r\n\r\n").then(|| parse(&bytes))?;
    let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
    (answer.body.len() == length).then_some(answer)
}

/// Reads one answer from a connection that stays open.
pub fn read_answer(stream: &mut TcpStream) -> Answer {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        assert_eq!(
            stream.read(&mut byte).expect("an answer in time"),
            1,
            "closed after {:?}",
            String::from_utf8_lossy(&bytes)
        );
        bytes.push(byte[0]);
    }
    let mut answer = parse(&bytes);
    answer.body = vec![0; answer.header("content-length").map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut answer.body).unwrap();
    answer
}

pub fn parse(bytes: &[u8]) -> Answer {
    let end = bytes
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .unwrap_or_else(|| panic!("no head in {:?}", String::from_utf8_lossy(bytes)));
    let head = String::from_utf8_lossy(&bytes[..end]);
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let field =
        |line: &str| line.split_once(": ").or(line.split_once(':')).map(|(n, v)| (n.to_lowercase(), v.to_owned()));
    Answer { status, headers: lines.filter_map(field).collect(), body: bytes[end + 4..].to_vec() }
}
