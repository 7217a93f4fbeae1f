//! A proxy on loopback between a store and DynamoDB. A test can change or drop requests and answers.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use super::{in_flight_transactions::Transactions, table::server};

/// A message of HTTP.
#[derive(Clone)]
pub struct Message {
    head: String,
    pub body: Value,
}

impl Message {
    /// The operation of a request, for instance `Query`.
    pub fn operation(&self) -> &str {
        let mut lines = self.head.lines();
        let target = lines.find(|line| line.to_lowercase().starts_with("x-amz-target:"));
        target.and_then(|line| line.rsplit('.').next()).unwrap_or_default()
    }

    /// An answer in DynamoDB's form.
    pub fn answer(status: u16, body: Value) -> Self {
        Self { head: format!("HTTP/1.1 {status} Test\r\nContent-Type: application/x-amz-json-1.0\r\n"), body }
    }

    /// An error in DynamoDB's form.
    pub fn error(status: u16, code: &str) -> Self {
        let kind = format!("com.amazonaws.dynamodb.v20120810#{code}");
        Self::answer(status, json!({"__type": kind, "message": "by a test"}))
    }

    /// The code of an error, for instance `ThrottlingException`.
    pub fn code(&self) -> &str {
        self.body["__type"].as_str().and_then(|kind| kind.rsplit('#').next()).unwrap_or_default()
    }

    /// A refused transaction, with the reason of each part.
    pub fn cancelled(reasons: Value) -> Self {
        let mut answer = Self::error(400, "TransactionCanceledException");
        answer.body["CancellationReasons"] = reasons;
        answer
    }

    /// The refusal of a transaction with a single part, because another writer holds the item.
    pub fn conflict() -> Self {
        Self::cancelled(json!([{"Code": "TransactionConflict", "Message": "by a test"}]))
    }

    /// The refusal of any transaction, because another writer holds one of its items.
    pub fn conflict_at(request: &Self, at: usize) -> Self {
        let mut reasons = vec![json!({"Code": "None"}); request.body["TransactItems"].as_array().map_or(0, Vec::len)];
        reasons[at] = json!({"Code": "TransactionConflict", "Message": "by a test"});
        Self::cancelled(json!(reasons))
    }

    /// A `TransactGetItems` of these keys in the place of a `TransactWriteItems`.
    pub fn reading(&self, keys: &[Value]) -> Self {
        let table = self.body["TransactItems"][0]["Put"]["TableName"].clone();
        let get = |key: &Value| json!({"Get": {"TableName": table, "Key": key}});
        let body = json!({"TransactItems": keys.iter().map(get).collect::<Vec<_>>()});
        Self { head: self.head.replace("TransactWriteItems", "TransactGetItems"), body }
    }

    fn read(from: &mut BufReader<TcpStream>) -> Option<Self> {
        let (mut head, mut length, mut is_chunked) = (String::new(), 0, false);
        loop {
            let mut line = String::new();
            from.read_line(&mut line).ok().filter(|bytes| *bytes > 0)?;
            let (name, value) = line.trim_end().split_once(':').unwrap_or(("", ""));
            match (name.to_lowercase().as_str(), value.trim()) {
                ("content-length", value) => length = value.parse().unwrap(),
                ("transfer-encoding", value) => is_chunked = value == "chunked",
                // The checksum of the old body.
                ("x-amz-crc32", _) => {}
                _ if line == "\r\n" => break,
                _ => head.push_str(&line),
            }
        }
        let mut body = vec![0; length];
        from.read_exact(&mut body).ok()?;
        while is_chunked {
            let mut line = String::new();
            from.read_line(&mut line).ok()?;
            let length = usize::from_str_radix(line.trim(), 16).unwrap();
            let mut chunk = vec![0; length + 2];
            from.read_exact(&mut chunk).ok()?;
            body.extend_from_slice(&chunk[..length]);
            is_chunked = length > 0;
        }
        Some(Self { head, body: serde_json::from_slice(&body).unwrap_or(Value::Null) })
    }

    fn write(&self, to: &mut TcpStream) -> Option<()> {
        let body = self.body.to_string();
        to.write_all(format!("{}Content-Length: {}\r\n\r\n{body}", self.head, body.len()).as_bytes()).ok()
    }
}

/// The fate of a request.
pub enum Fate {
    /// The request reaches DynamoDB, and the answer comes back.
    Pass,
    /// It never arrives.
    CutBefore,
    /// DynamoDB carries the request out, but the answer never comes.
    CutAfter,
    /// The request never arrives, and the connection stays open.
    Silence,
    /// Durations of the ways of request and answer.
    Delay(Duration, Duration),
    /// The connection is cut, and the request arrives after this time.
    ArriveLate(Duration),
    /// DynamoDB shows the items of the transaction one after the other, and answers last. The times are random.
    UnderWay(u64),
    /// The test answers.
    Answer(Message),
    /// DynamoDB carries the request out, and the test answers.
    AnswerAfter(Message),
    /// The test changes DynamoDB's answer.
    Change(Box<dyn FnOnce(&mut Value) + Send>),
}

/// Looks at a request, may change it, and decides.
pub type Script = Box<dyn FnMut(&mut Message) -> Fate + Send>;

pub struct Proxy {
    pub url: String,
    script: Arc<Mutex<Script>>,
    late: Arc<Mutex<Vec<Value>>>,
}

impl Proxy {
    /// A proxy; passes everything until a test sets a script.
    pub fn start() -> Self {
        Self::beside(Arc::default())
    }

    /// A proxy for one of several processes on a table.
    pub fn beside(transactions: Arc<Transactions>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let script: Arc<Mutex<Script>> = Arc::new(Mutex::new(Box::new(|_| Fate::Pass)));
        let late = Arc::<Mutex<Vec<Value>>>::default();
        let shared = (Arc::clone(&script), Arc::clone(&late), transactions);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (script, late, transactions) = shared.clone();
                thread::spawn(move || serve(client, &script, &late, &transactions));
            }
        });
        Self { url, script, late }
    }

    /// DynamoDB's answers to late requests.
    pub fn late(&self) -> Vec<Value> {
        self.late.lock().unwrap().clone()
    }

    pub fn set(&self, script: impl FnMut(&mut Message) -> Fate + Send + 'static) {
        *self.script.lock().unwrap() = Box::new(script);
    }

    /// Decides on the requests of one operation, and passes all others. The script gets the number of earlier requests.
    pub fn on(&self, operation: &'static str, mut script: impl FnMut(usize, &mut Message) -> Fate + Send + 'static) {
        let mut count = 0;
        self.set(move |request| {
            if request.operation() != operation {
                return Fate::Pass;
            }
            count += 1;
            script(count - 1, request)
        });
    }
}

/// Serves a connection until its end or a cut. Each has its own connection to DynamoDB.
fn serve(
    client: TcpStream,
    script: &Mutex<Script>,
    arrived_late: &Mutex<Vec<Value>>,
    transactions: &Transactions,
) -> Option<()> {
    let upstream = TcpStream::connect(server().trim_start_matches("http://")).ok()?;
    let (mut to_client, mut to_server) = (client.try_clone().ok()?, upstream.try_clone().ok()?);
    let (mut client, mut upstream) = (BufReader::new(client), BufReader::new(upstream));
    loop {
        let mut request = Message::read(&mut client)?;
        let fate = (script.lock().unwrap())(&mut request);
        let mut send = |request: &Message| {
            request.write(&mut to_server)?;
            Message::read(&mut upstream)
        };
        if let Fate::UnderWay(seed) = fate {
            transactions.pass_slowly(&request, seed, send)?.write(&mut to_client)?;
            continue;
        }
        let mut pass_on = || transactions.pass(&request, &mut send);
        let answer = match fate {
            Fate::CutBefore | Fate::UnderWay(_) => None,
            Fate::Silence => loop {
                thread::park();
            },
            Fate::Delay(before, after) => {
                thread::sleep(before);
                let answer = pass_on()?;
                thread::sleep(after);
                Some(answer)
            }
            Fate::ArriveLate(late) => {
                to_client.shutdown(Shutdown::Both).ok();
                thread::sleep(late);
                arrived_late.lock().unwrap().push(pass_on()?.body);
                None
            }
            Fate::Answer(answer) => Some(answer),
            Fate::AnswerAfter(answer) => {
                pass_on()?;
                Some(answer)
            }
            Fate::CutAfter => {
                pass_on()?;
                None
            }
            Fate::Pass => Some(pass_on()?),
            Fate::Change(change) => {
                let mut answer = pass_on()?;
                change(&mut answer.body);
                Some(answer)
            }
        };
        let Some(answer) = answer else {
            return to_client.shutdown(Shutdown::Both).ok();
        };
        answer.write(&mut to_client)?;
    }
}
