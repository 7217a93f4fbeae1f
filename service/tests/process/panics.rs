//! Faults in the code. The request gets a 500, or a 503 if the handler hangs; the log gets a line; other requests
//! notice nothing.

use std::{
    env, future,
    process::{Command, id},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use echo_service::{
    store::{Filter, StoreError, Write},
    telemetry,
};
use serde_json::json;

use crate::{
    in_process::{self, Hook, Hooked, Operation},
    support::{Answer, Echo, new_endpoint, request_bytes, send},
};

/// Set for the process that serves.
const SERVE: &str = "TEST_SERVES_ON_A_FAULTY_STORE";

/// Panics when `/fault` is written or looked up.
struct Fault;

#[async_trait]
impl Hook for Fault {
    async fn before(&self, operation: Operation<'_>) -> Result<(), StoreError> {
        match operation {
            Operation::Write(Write::Create(endpoint)) if endpoint.route.path.as_str() == "/fault" => {
                panic!("a fault while writing")
            }
            Operation::List(Filter { path: Some(path), .. }) if path.as_str() == "/fault" => {
                panic!("a fault while reading")
            }
            _ => Ok(()),
        }
    }
}

/// The process under test: like `main`, with another store.
#[tokio::main]
async fn serve_on_a_faulty_store() {
    let config = in_process::config(&[]);
    let _log = telemetry::init_logs(config.log.clone(), config.log_format);
    let address = in_process::serve(Hooked::new(Fault), &config).await;
    tracing::info!(mocks = %address, management = %address, pid = id(), "serving");
    future::pending::<()>().await;
}

fn assert_is_a_fault(answer: &Answer) {
    assert_eq!((answer.status, answer.header("content-type")), (500, Some("application/vnd.api+json")));
    let error = &answer.json()["errors"][0];
    assert_eq!((&error["status"], &error["code"]), (&json!("500"), &json!("internal")));
    assert!(!answer.text().contains("while"), "the message is for the log only: {}", answer.text());
}

#[test]
fn a_panic_in_a_handler_is_a_500_and_one_line_of_log_and_the_service_goes_on() {
    if env::var_os(SERVE).is_some() {
        return serve_on_a_faulty_store();
    }
    let test = "panics::a_panic_in_a_handler_is_a_500_and_one_line_of_log_and_the_service_goes_on";
    let mut this = Command::new(env::current_exe().unwrap());
    let mut echo = Echo::spawn(this.args(["--exact", test, "--nocapture"]).env(SERVE, "1")).unwrap();
    echo.create("GET", "/before", json!({"code": 200}));

    assert_is_a_fault(&echo.get("/endpoints?filter[path]=/fault"));
    assert_is_a_fault(&echo.post(&new_endpoint("GET", "/fault", json!({"code": 200}))));

    echo.create("GET", "/after", json!({"code": 200}));
    assert_eq!(["/before", "/after", "/fault"].map(|path| echo.call("GET", path).status), [200, 200, 404]);
    assert_eq!(echo.get("/endpoints").json()["data"].as_array().unwrap().len(), 2);
    echo.signal("KILL");
    echo.wait();

    let log = echo.rest_of_log();
    let faults: Vec<_> = log.iter().filter(|line| line["level"] == "ERROR").collect();
    assert_eq!(faults.len(), 2, "a line each: {faults:#?}");
    for (fault, what) in faults.iter().zip(["a fault while reading", "a fault while writing"]) {
        let (message, place) = (fault["panic"].as_str().unwrap(), fault["place"].as_str().unwrap());
        assert!(message.contains(what) && place.starts_with("service/tests/process/panics.rs:"), "{fault}");
    }
    // Lines other than JSON come from the test harness, before the service.
    assert!(log.iter().all(serde_json::Value::is_object), "nothing else is printed: {log:#?}");
}

/// Panics while the log is read, until the test switches it off.
struct FaultyLog(Arc<AtomicBool>);

#[async_trait]
impl Hook for FaultyLog {
    async fn before(&self, operation: Operation<'_>) -> Result<(), StoreError> {
        assert!(
            !matches!(operation, Operation::ChangesSince) || !self.0.load(Ordering::SeqCst),
            "a fault while following"
        );
        Ok(())
    }

    fn is_shared(&self) -> bool {
        true
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_read_again_after_a_panic_of_its_reader() {
    let is_faulty = Arc::new(AtomicBool::new(false));
    let address = in_process::serve(Hooked::new(FaultyLog(Arc::clone(&is_faulty))), &in_process::config(&[])).await;
    let call = || tokio::task::block_in_place(|| send(address, request_bytes(address, "GET", "/mock", "", b"")));
    assert_eq!(call().status, 404);
    is_faulty.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        assert_eq!(call().status, 503, "without a valid lease, the answer is 503");
    }
    is_faulty.store(false, Ordering::SeqCst);
    assert_eq!(call().status, 404);
}

/// Answers the operations of a start, and then nothing.
struct Silence;

#[async_trait]
impl Hook for Silence {
    async fn before(&self, operation: Operation<'_>) -> Result<(), StoreError> {
        match operation {
            Operation::Write(_) | Operation::List(_) => future::pending().await,
            _ => Ok(()),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_handler_is_503_a_second_after_the_request_timeout() {
    let address = in_process::serve(Hooked::new(Silence), &in_process::config(&["--request-timeout", "500ms"])).await;
    let document = new_endpoint("GET", "/x", json!({"code": 200})).to_string();
    for (method, body) in [("GET", ""), ("POST", document.as_str())] {
        let request =
            request_bytes(address, method, "/endpoints", "Content-Type: application/json\r\n", body.as_bytes());
        let asked = Instant::now();
        let answer = tokio::task::block_in_place(|| send(address, request));
        assert_eq!((answer.status, answer.header("content-type")), (503, Some("application/vnd.api+json")), "{method}");
        assert!(answer.details().contains("The request took too long"), "{}", answer.details());
        assert!(asked.elapsed() >= Duration::from_millis(1500), "a slow body is told so before: {:?}", asked.elapsed());
    }
}
