//! The permit to load everything again, as in `store/dynamodb/permit.rs`.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::{
    sync::{Semaphore, watch},
    time::{Instant, sleep},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{Limited, WAY};

const ASK_INTERVAL: Duration = Duration::from_secs(1);
const RENEWAL_INTERVAL: Duration = Duration::from_secs(5);
const HOLDER_TIMEOUT: Duration = Duration::from_secs(30);
/// A wait after a throttled request.
const WAIT: Duration = Duration::from_millis(100);

/// The process in the item, and the number of its renewals.
pub type Holder = (u64, u64);

/// The permit in the view of a process.
pub struct Permit {
    table: Arc<Mutex<Limited>>,
    own: u64,
    wish: Mutex<Option<Wish>>,
    turn: Arc<Semaphore>,
}

struct Wish {
    is_granted: watch::Receiver<Option<bool>>,
    wanted: CancellationToken,
    task: AbortOnDropHandle<Option<()>>,
}

struct Task {
    table: Arc<Mutex<Limited>>,
    own: u64,
    random: StdRng,
}

impl Permit {
    pub fn of(table: &Arc<Mutex<Limited>>, own: u64) -> Self {
        Self { table: Arc::clone(table), own, wish: Mutex::default(), turn: Arc::new(Semaphore::new(1)) }
    }

    pub async fn ask(&self) -> bool {
        let mut is_granted = self.wish.lock().get_or_insert_with(|| self.wish()).is_granted.clone();
        is_granted.wait_for(Option::is_some).await.is_ok_and(|granted| *granted == Some(true))
    }

    fn wish(&self) -> Wish {
        let ((answer, is_granted), wanted) = (watch::channel(None), CancellationToken::new());
        let task = Task { table: Arc::clone(&self.table), own: self.own, random: StdRng::seed_from_u64(self.own) };
        let task = tokio::spawn(task.run(Arc::clone(&self.turn), wanted.clone(), answer));
        Wish { is_granted, wanted, task: AbortOnDropHandle::new(task) }
    }

    /// Without this, the end of the process leaves the item.
    pub fn give_back(&self) {
        if let Some(wish) = self.wish.lock().take() {
            wish.wanted.cancel();
            wish.task.detach();
        }
    }
}

impl Task {
    async fn run(
        mut self,
        turn: Arc<Semaphore>,
        wanted: CancellationToken,
        answer: watch::Sender<Option<bool>>,
    ) -> Option<()> {
        let _turn = turn.acquire().await.ok()?;
        self.hold(&wanted, answer).await;
        let own = self.own;
        while self.send(|item| _ = item.take_if(|(holder, _)| *holder == own)).await.is_none() {
            sleep(WAIT).await;
        }
        None
    }

    async fn hold(&mut self, wanted: &CancellationToken, answer: watch::Sender<Option<bool>>) -> Option<()> {
        let (own, mut other) = (self.own, None::<(Holder, Instant)>);
        loop {
            let gone = other.filter(|(_, since)| since.elapsed() >= HOLDER_TIMEOUT).map(|(holder, _)| holder);
            let asked = self.send(|item| {
                let present = item.filter(|holder| holder.0 != own && Some(*holder) != gone);
                *item = present.or(Some((own, 1)));
                present
            });
            let asked = asked.await;
            answer.send_replace(Some(asked == Some(None)));
            match asked {
                Some(None) => break,
                Some(Some(holder)) => {
                    if other.is_none_or(|(known, _)| known != holder) {
                        other = Some((holder, Instant::now()));
                    }
                    wanted.run_until_cancelled(sleep(ASK_INTERVAL)).await?;
                }
                None => wanted.run_until_cancelled(sleep(WAIT)).await?,
            }
        }
        for renewed in 2.. {
            wanted.run_until_cancelled(sleep(RENEWAL_INTERVAL)).await?;
            self.send(|item| _ = item.as_mut().filter(|(holder, _)| *holder == own).map(|item| item.1 = renewed)).await;
        }
        None
    }

    /// A write of the item. Returns `None` if it is throttled.
    async fn send<T>(&mut self, write: impl FnOnce(&mut Option<Holder>) -> T) -> Option<T> {
        sleep(Duration::from_micros(self.random.random_range(WAY))).await;
        let answer = self.table.lock().write_permit(write);
        sleep(Duration::from_micros(self.random.random_range(WAY))).await;
        answer
    }
}
