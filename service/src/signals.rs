//! The signals that stop the service: the first signal asks for a graceful stop, a later SIGINT for an immediate stop.

use std::{io, time::Duration};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::{Instant, timeout_at},
};

/// A second SIGINT within this time counts as the first: a terminal and a parent such as npm both send one.
const SAME_SIGNAL_WITHIN: Duration = Duration::from_secs(1);

/// Listens from its creation, so that a signal during the start is not lost.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

/// The signal that asked for the stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    Terminate,
    Interrupt,
}

impl Signals {
    /// Call this within a runtime.
    pub fn listen() -> io::Result<Self> {
        // One registration is enough to catch SIGHUP: a terminal that closes does not end the service.
        let _ = signal(SignalKind::hangup())?;
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for SIGTERM or SIGINT.
    pub async fn asked(&mut self) -> Ask {
        tokio::select! {
            _ = self.terminate.recv() => Ask::Terminate,
            _ = self.interrupt.recv() => Ask::Interrupt,
        }
    }

    /// Waits for a second SIGINT. A second SIGTERM changes nothing, because GNU timeout and other programs send two.
    pub async fn insisted(&mut self, first: Ask) {
        if first == Ask::Interrupt {
            let end = Instant::now() + SAME_SIGNAL_WITHIN;
            while timeout_at(end, self.interrupt.recv()).await.is_ok() {}
        }
        self.interrupt.recv().await;
    }
}
